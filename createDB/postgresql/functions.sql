-- Functions that SQLite has, by its names, for statements that are written once for both.
-- Each is one expression, which PostgreSQL puts in place of the call. A moment is UTC, without an
-- offset; julianday is https://sqlite.org/lang_datefunc.html.

CREATE OR REPLACE FUNCTION julianday(timestamp) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN extract(epoch FROM $1)::double precision / 86400 + 2440587.5;

-- 'now' of SQLite is UTC, that of PostgreSQL is of the session's time zone, which psql has anywhere.
CREATE OR REPLACE FUNCTION julianday(text) RETURNS double precision
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN extract(epoch FROM CASE $1 WHEN 'now' THEN now() AT TIME ZONE 'UTC' ELSE $1::timestamp END)
        ::double precision / 86400 + 2440587.5;

-- The form of moments that the tables have, from milliseconds since 1970.
CREATE OR REPLACE FUNCTION moment_of(bigint) RETURNS timestamp
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN timestamp '1970-01-01' + $1 * interval '1 millisecond';

-- Of strftime's formats, those that policies and lists use; other letters stand for themselves.
CREATE OR REPLACE FUNCTION strftime(text, timestamp) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN to_char($2, replace(replace(replace(replace(replace(replace(replace(replace(replace(
        regexp_replace($1, '(?<!%)[A-Za-z]', '"\&"', 'g'),
        '%Y', 'YYYY'), '%m', 'MM'), '%d', 'DD'), '%H', 'HH24'), '%M', 'MI'), '%S', 'SS'),
        '%j', 'DDD'), '%f', 'SS.MS'),
        '%w', (extract(dow FROM $2)::integer)::text));

-- Of seconds since 1970: the third argument is 'unixepoch'.
CREATE OR REPLACE FUNCTION strftime(text, numeric, text) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN strftime($1, timestamp '1970-01-01' + $2::double precision * interval '1 second');

-- Of a moment, which SQLite has as text.
CREATE OR REPLACE FUNCTION replace(timestamp, text, text) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN replace(to_char($1, 'YYYY-MM-DD HH24:MI:SS.US'), $2, $3);

CREATE OR REPLACE FUNCTION instr(text, text) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN strpos($1, $2);

CREATE OR REPLACE FUNCTION iif(boolean, anycompatible, anycompatible) RETURNS anycompatible
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS 'SELECT CASE WHEN $1 THEN $2 ELSE $3 END';

CREATE OR REPLACE FUNCTION max(anycompatible, anycompatible) RETURNS anycompatible
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS 'SELECT CASE WHEN $1 IS NULL OR $2 IS NULL THEN NULL WHEN $1 >= $2 THEN $1 ELSE $2 END';

CREATE OR REPLACE FUNCTION min(anycompatible, anycompatible) RETURNS anycompatible
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS 'SELECT CASE WHEN $1 IS NULL OR $2 IS NULL THEN NULL WHEN $1 <= $2 THEN $1 ELSE $2 END';

-- Paths of two kinds: '$.name' and '$[0]'.
CREATE OR REPLACE FUNCTION json_extract(text, text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN jsonb_path_query_first($1::jsonb, $2::jsonpath) #>> '{}';

CREATE OR REPLACE FUNCTION json_quote(text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN coalesce(to_json($1)::text, 'null');

-- Of a JSON array of numbers.
CREATE OR REPLACE FUNCTION numbers_of(text) RETURNS bigint[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN translate($1, '[]', '{}')::bigint[];

CREATE OR REPLACE FUNCTION as_json(bigint[]) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN array_to_json($1)::text;

CREATE OR REPLACE AGGREGATE json_group_array(bigint) (
    SFUNC = array_append, STYPE = bigint[], INITCOND = '{}', FINALFUNC = as_json
);

-- Elements of an array have their place as key, members of an object their name; `value` is text.
CREATE OR REPLACE FUNCTION json_each(given text, OUT key text, OUT value text)
    RETURNS SETOF record
    LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 20
    AS $$
        SELECT (place - 1)::text, element #>> '{}'
        FROM jsonb_array_elements(CASE WHEN jsonb_typeof(given::jsonb) = 'array'
            THEN given::jsonb ELSE '[]' END) WITH ORDINALITY AS listed (element, place)
        UNION ALL
        SELECT name, element #>> '{}'
        FROM jsonb_each(CASE WHEN jsonb_typeof(given::jsonb) = 'object'
            THEN given::jsonb ELSE '{}' END) AS listed (name, element)
    $$;
