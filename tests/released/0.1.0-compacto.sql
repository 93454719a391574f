BEGIN TRANSACTION;
CREATE TABLE agentes (
	num_agente INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id_agente VARCHAR(36) NOT NULL, 
	hostname TEXT, 
	ipaddress TEXT, 
	id_serv INTEGER, 
	momento BIGINT, 
	primer_reporte DATETIME, 
	ultimo_reporte DATETIME, 
	intervalo FLOAT, 
	version_agente TEXT, 
	descartados BIGINT, 
	siguiente BIGINT DEFAULT '0' NOT NULL, 
	estado TEXT DEFAULT 'activo' NOT NULL, 
	etiquetas TEXT, 
	rotacion INTEGER, 
	clon_de VARCHAR(36), 
	clon_visto DATETIME
);
INSERT INTO "agentes" VALUES(1,'91c4041a-702d-54ab-baca-ba6e913a0aad',NULL,'192.168.1.205',1,1581732414999,'2026-11-25 02:52:00.074957','2026-11-25 02:52:00.074957',NULL,NULL,0,10,'activo',NULL,NULL,NULL,NULL);
INSERT INTO "agentes" VALUES(2,'3f1c9a52-6b1e-4c0d-9f3a-0d4f2f6f8a11','web-07.example.net','2001:db8::15',2,1795168800000,'2026-11-25 02:52:00.089050','2026-11-25 02:52:00.089050',300.0,'0.1.0',0,16,'activo',NULL,NULL,NULL,NULL);
CREATE TABLE arranques (
	num_agente INTEGER NOT NULL, 
	desde BIGINT NOT NULL, 
	id_arranque TEXT NOT NULL, 
	CONSTRAINT pk_arranques PRIMARY KEY (num_agente, desde), 
	CONSTRAINT fk_arranques_num_agente FOREIGN KEY(num_agente) REFERENCES agentes (num_agente)
)
 WITHOUT ROWID

;
INSERT INTO "arranques" VALUES(2,1795168800000,'0d9f6f2e-4a0b-4c6e-a1b2-5f4be3c61d10');
CREATE TABLE auditoria (
	id_auditoria INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	momento DATETIME NOT NULL, 
	quien TEXT NOT NULL, 
	desde TEXT NOT NULL, 
	accion TEXT NOT NULL, 
	objeto TEXT, 
	detalle TEXT
);
INSERT INTO "auditoria" VALUES(1,'2026-11-25 02:51:55.730418','root','terminal','secreto.rotar',NULL,NULL);
CREATE TABLE avance (
	que TEXT NOT NULL, 
	hasta BIGINT NOT NULL, 
	CONSTRAINT pk_avance PRIMARY KEY (que)
);
CREATE TABLE bitacoras (
	archivo TEXT NOT NULL, 
	posicion BIGINT NOT NULL, 
	CONSTRAINT pk_bitacoras PRIMARY KEY (archivo)
);
INSERT INTO "bitacoras" VALUES('reportes-2026-11-25.jsonl',1924);
CREATE TABLE credenciales (
	hash VARCHAR(64) NOT NULL, 
	num_agente INTEGER NOT NULL, 
	desde DATETIME NOT NULL, 
	hasta DATETIME, 
	CONSTRAINT pk_credenciales PRIMARY KEY (hash), 
	CONSTRAINT fk_credenciales_num_agente FOREIGN KEY(num_agente) REFERENCES agentes (num_agente)
);
CREATE TABLE cuentas (
	id_cuenta INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	nombre TEXT NOT NULL, 
	rol TEXT NOT NULL, 
	clave TEXT NOT NULL, 
	activa INTEGER NOT NULL, 
	creada DATETIME NOT NULL, 
	clave_desde DATETIME NOT NULL
);
CREATE TABLE cumplimiento (
	num_agente INTEGER NOT NULL, 
	num_politica INTEGER NOT NULL, 
	desde BIGINT NOT NULL, 
	hasta BIGINT NOT NULL, 
	veredicto TEXT NOT NULL, 
	evidencia TEXT, 
	evidencia_ultima TEXT, 
	razon TEXT, 
	CONSTRAINT pk_cumplimiento PRIMARY KEY (num_agente, num_politica, desde), 
	CONSTRAINT fk_cumplimiento_num_agente FOREIGN KEY(num_agente) REFERENCES agentes (num_agente), 
	CONSTRAINT fk_cumplimiento_num_politica FOREIGN KEY(num_politica) REFERENCES politicas (num_politica)
)
 WITHOUT ROWID

;
CREATE TABLE excepciones (
	id_excepcion INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	num_politica INTEGER NOT NULL, 
	num_agente INTEGER, 
	etiqueta TEXT, 
	valor TEXT, 
	motivo TEXT NOT NULL, 
	quien TEXT NOT NULL, 
	desde BIGINT NOT NULL, 
	hasta BIGINT NOT NULL, 
	terminada BIGINT, 
	CONSTRAINT fk_excepciones_num_politica FOREIGN KEY(num_politica) REFERENCES politicas (num_politica), 
	CONSTRAINT fk_excepciones_num_agente FOREIGN KEY(num_agente) REFERENCES agentes (num_agente)
);
CREATE TABLE hechos (
	id_hecho INTEGER NOT NULL, 
	campo TEXT NOT NULL, 
	nombre TEXT NOT NULL, 
	valor TEXT, 
	CONSTRAINT pk_hechos PRIMARY KEY (id_hecho)
);
INSERT INTO "hechos" VALUES(1,'procesos','systemd','root');
INSERT INTO "hechos" VALUES(2,'procesos','kthreadd','root');
INSERT INTO "hechos" VALUES(3,'procesos','bash','juan');
INSERT INTO "hechos" VALUES(4,'procesos','Compañía "demo"',NULL);
INSERT INTO "hechos" VALUES(5,'usuarios_activos','juan',NULL);
INSERT INTO "hechos" VALUES(6,'ipaddress','192.168.1.205',NULL);
INSERT INTO "hechos" VALUES(7,'arquitectura_proc','X86_64',NULL);
INSERT INTO "hechos" VALUES(8,'marca_proc','Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz',NULL);
INSERT INTO "hechos" VALUES(9,'nombre_so','Linux',NULL);
INSERT INTO "hechos" VALUES(10,'version_so','#1 SMP Debian 6.1.99-1 (2024-07-15)',NULL);
INSERT INTO "hechos" VALUES(11,'procesos','(sd-pam)','1007');
INSERT INTO "hechos" VALUES(12,'procesos','caf\xe9 
 de juan',NULL);
INSERT INTO "hechos" VALUES(13,'ipaddress','2001:db8::15',NULL);
INSERT INTO "hechos" VALUES(14,'hostname','web-07.example.net',NULL);
INSERT INTO "hechos" VALUES(15,'marca_proc','AMD EPYC 7763 64-Core Processor',NULL);
INSERT INTO "hechos" VALUES(16,'version_so','#1 SMP PREEMPT_DYNAMIC Debian 6.1.99-1 (2024-07-15)',NULL);
INSERT INTO "hechos" VALUES(17,'distribucion','debian',NULL);
INSERT INTO "hechos" VALUES(18,'version_distribucion','12',NULL);
INSERT INTO "hechos" VALUES(19,'nucleo','6.1.0-23-amd64',NULL);
INSERT INTO "hechos" VALUES(20,'id_arranque','0d9f6f2e-4a0b-4c6e-a1b2-5f4be3c61d10',NULL);
INSERT INTO "hechos" VALUES(21,'version_agente','0.1.0',NULL);
CREATE TABLE intentos (
	quien TEXT NOT NULL, 
	fallos INTEGER NOT NULL, 
	ultimo DATETIME NOT NULL, 
	CONSTRAINT pk_intentos PRIMARY KEY (quien)
);
CREATE TABLE momentos (
	momento BIGINT NOT NULL, 
	num_agente INTEGER NOT NULL, 
	CONSTRAINT pk_momentos PRIMARY KEY (momento, num_agente), 
	CONSTRAINT fk_momentos_num_agente FOREIGN KEY(num_agente) REFERENCES agentes (num_agente)
)
 WITHOUT ROWID

;
INSERT INTO "momentos" VALUES(1581732414999,1);
INSERT INTO "momentos" VALUES(1795168800000,2);
CREATE TABLE periodos (
	num_agente INTEGER NOT NULL, 
	hasta BIGINT NOT NULL, 
	id_hecho INTEGER NOT NULL, 
	pid INTEGER NOT NULL, 
	desde BIGINT NOT NULL, 
	veces INTEGER NOT NULL, 
	numero INTEGER NOT NULL, 
	inicio BIGINT, 
	propio INTEGER NOT NULL, 
	CONSTRAINT pk_periodos PRIMARY KEY (num_agente, hasta, id_hecho, pid), 
	CONSTRAINT fk_periodos_num_agente FOREIGN KEY(num_agente) REFERENCES agentes (num_agente), 
	CONSTRAINT fk_periodos_id_hecho FOREIGN KEY(id_hecho) REFERENCES hechos (id_hecho)
)
 WITHOUT ROWID

;
INSERT INTO "periodos" VALUES(1,140737488355327,1,1,1581732414999,1,0,NULL,0);
INSERT INTO "periodos" VALUES(1,140737488355327,2,2,1581732414999,1,1,NULL,0);
INSERT INTO "periodos" VALUES(1,140737488355327,3,829,1581732414999,1,2,NULL,0);
INSERT INTO "periodos" VALUES(1,140737488355327,4,911,1581732414999,1,3,NULL,0);
INSERT INTO "periodos" VALUES(1,140737488355327,5,829,1581732414999,1,4,NULL,0);
INSERT INTO "periodos" VALUES(1,140737488355327,6,-1,1581732414999,1,5,NULL,0);
INSERT INTO "periodos" VALUES(1,140737488355327,7,-1,1581732414999,1,6,NULL,0);
INSERT INTO "periodos" VALUES(1,140737488355327,8,-1,1581732414999,1,7,NULL,0);
INSERT INTO "periodos" VALUES(1,140737488355327,9,-1,1581732414999,1,8,NULL,0);
INSERT INTO "periodos" VALUES(1,140737488355327,10,-1,1581732414999,1,9,NULL,0);
INSERT INTO "periodos" VALUES(2,140737488355327,1,1,1795168800000,1,0,1793512801000,0);
INSERT INTO "periodos" VALUES(2,140737488355327,5,-1,1795168800000,1,4,NULL,0);
INSERT INTO "periodos" VALUES(2,140737488355327,5,4000,1795168800000,1,3,NULL,0);
INSERT INTO "periodos" VALUES(2,140737488355327,7,-1,1795168800000,1,7,NULL,0);
INSERT INTO "periodos" VALUES(2,140737488355327,9,-1,1795168800000,1,9,NULL,0);
INSERT INTO "periodos" VALUES(2,140737488355327,11,812,1795168800000,1,1,1793512809000,0);
INSERT INTO "periodos" VALUES(2,140737488355327,12,4242,1795168800000,1,2,NULL,0);
INSERT INTO "periodos" VALUES(2,140737488355327,13,-1,1795168800000,1,5,NULL,0);
INSERT INTO "periodos" VALUES(2,140737488355327,14,-1,1795168800000,1,6,NULL,0);
INSERT INTO "periodos" VALUES(2,140737488355327,15,-1,1795168800000,1,8,NULL,0);
INSERT INTO "periodos" VALUES(2,140737488355327,16,-1,1795168800000,1,10,NULL,0);
INSERT INTO "periodos" VALUES(2,140737488355327,17,-1,1795168800000,1,11,NULL,0);
INSERT INTO "periodos" VALUES(2,140737488355327,18,-1,1795168800000,1,12,NULL,0);
INSERT INTO "periodos" VALUES(2,140737488355327,19,-1,1795168800000,1,13,NULL,0);
INSERT INTO "periodos" VALUES(2,140737488355327,20,-1,1795168800000,1,14,NULL,0);
INSERT INTO "periodos" VALUES(2,140737488355327,21,-1,1795168800000,1,15,NULL,0);
CREATE TABLE politicas (
	num_politica INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id_politica TEXT NOT NULL, 
	titulo TEXT NOT NULL, 
	severidad TEXT NOT NULL, 
	huella TEXT NOT NULL, 
	documento TEXT NOT NULL, 
	vigente INTEGER NOT NULL, 
	repaso BIGINT
);
INSERT INTO "politicas" VALUES(1,'aplicaciones-como-root','Ninguna aplicación corre como root','alta','435fc0c718639e081ca3d9048d0d653128ccb2b43cda54545a541de9eec678a6','{"id":"aplicaciones-como-root","titulo":"Ninguna aplicación corre como root","descripcion":"Los servidores de aplicaciones e intérpretes de larga vida corren con cuentas sin privilegios.","severidad":"alta","por_que":"La aplicación es lo primero que se ataca; como root, su fallo es el de toda la máquina.","remedio":"Dele una cuenta propia (User= en systemd, USER en su contenedor); para puertos bajos, AmbientCapabilities=CAP_NET_BIND_SERVICE.","requiere":["procesos"],"consulta":"SELECT pid, name, username FROM procesos\nWHERE id_serv = :id_serv AND name IN (\n  ''java'', ''node'', ''nodejs'', ''deno'', ''bun'', ''gunicorn'', ''uwsgi'', ''uvicorn'', ''celery'', ''puma'',\n  ''unicorn'', ''passenger'', ''dotnet'', ''php'', ''tomcat'', ''jenkins'', ''grafana'', ''grafana-server'',\n  ''prometheus'', ''elasticsearch'', ''kibana'', ''solr''\n) AND username = ''root''\nORDER BY pid\n","referencias":{"CIS Controls v8":["4.7","5.4"],"PCI DSS 4.0":["2.2.6","7.2.5"],"ISO 27001:2022":["A.8.2","A.8.9"]},"aplica":{"distribucion":null,"hostname":null,"etiquetas":{}},"ejemplos":{"cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":900,"name":"java","username":"tomcat"},{"pid":901,"name":"node","username":"deploy"}]}],"no_cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":7000,"name":"java","username":"root"}]},{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":7000,"name":"node","username":"root"}]}]}}',1,NULL);
INSERT INTO "politicas" VALUES(2,'auditoria-del-nucleo','La auditoría del núcleo está en marcha','media','3315f6c31506d107a6b76a855226c24d28822650a692222c1c21728f2231f738','{"id":"auditoria-del-nucleo","titulo":"La auditoría del núcleo está en marcha","descripcion":"auditd, u otro programa que lea la auditoría del núcleo, está en marcha.","severidad":"media","por_que":"Sin ella no queda rastro de quién hizo qué en la máquina.","remedio":"apt install auditd, o dnf install audit; luego systemctl enable --now auditd.","requiere":["procesos"],"consulta":"SELECT ''auditd'' AS falta\nWHERE NOT EXISTS (\n  SELECT 1 FROM procesos\n  WHERE id_serv = :id_serv AND name IN (\n    ''auditd'', ''auditbeat'', ''laurel'', ''go-audit'', ''osqueryd'', ''sysmon'', ''falco''\n  )\n)\n","referencias":{"CIS Controls v8":["8.2","8.5"],"PCI DSS 4.0":["10.2.1","10.7.2"],"ISO 27001:2022":["A.8.15"]},"aplica":{"distribucion":null,"hostname":null,"etiquetas":{}},"ejemplos":{"cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":900,"name":"auditd","username":"root"}]},{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":900,"name":"falco","username":"root"}]}],"no_cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":900,"name":"sshd","username":"root"}]}]}}',1,NULL);
INSERT INTO "politicas" VALUES(3,'bases-de-datos-como-root','Ninguna base de datos corre como root','alta','95ec8586d91c25699930347a4a01607b75a6a1b42220ed364797a07280b4eb2d','{"id":"bases-de-datos-como-root","titulo":"Ninguna base de datos corre como root","descripcion":"Los servidores de bases de datos y cachés corren con cuentas propias, sin privilegios.","severidad":"alta","por_que":"Un fallo en un servicio que corre como root da la máquina entera a quien lo aproveche.","remedio":"Ponga User= en su unidad de systemd y dé a esa cuenta sus archivos.","requiere":["procesos"],"consulta":"SELECT pid, name, username FROM procesos\nWHERE id_serv = :id_serv AND name IN (\n  ''mysqld'', ''mariadbd'', ''postgres'', ''mongod'', ''mongos'', ''redis-server'', ''valkey-server'',\n  ''memcached'', ''cassandra'', ''influxd'', ''couchdb'', ''beam.smp'', ''etcd'', ''clickhouse-server'',\n  ''opensearch''\n) AND username = ''root''\nORDER BY pid\n","referencias":{"CIS Controls v8":["4.7","5.4"],"PCI DSS 4.0":["2.2.6","7.2.5"],"ISO 27001:2022":["A.8.2","A.8.9"]},"aplica":{"distribucion":null,"hostname":null,"etiquetas":{}},"ejemplos":{"cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":900,"name":"redis-server","username":"redis"},{"pid":901,"name":"postgres","username":"postgres"}]}],"no_cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":7000,"name":"redis-server","username":"root"}]}]}}',1,NULL);
INSERT INTO "politicas" VALUES(4,'captura-de-trafico','No captura tráfico de red','media','d86b502e36f19036d80530ffa4233d65fe6fdf5fd2b75dfa6aae3167f5958817','{"id":"captura-de-trafico","titulo":"No captura tráfico de red","descripcion":"Ningún programa que escucha el tráfico de red está en marcha.","severidad":"media","por_que":"Leen lo que pasa sin cifrar por la interfaz, también lo de otros.","remedio":"Ciérrelo al acabar el diagnóstico. Para sensores permanentes ponga una excepción.","requiere":["procesos"],"consulta":"SELECT pid, name, username FROM procesos\nWHERE id_serv = :id_serv AND name IN (\n  ''tcpdump'', ''tshark'', ''dumpcap'', ''wireshark'', ''ettercap'', ''bettercap'', ''dsniff'', ''ngrep'',\n  ''snoop'', ''termshark'', ''arpspoof''\n)\nORDER BY pid\n","referencias":{"CIS Controls v8":["4.8"],"PCI DSS 4.0":["11.5.1"],"ISO 27001:2022":["A.8.18","A.8.20"]},"aplica":{"distribucion":null,"hostname":null,"etiquetas":{}},"ejemplos":{"cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":900,"name":"sshd","username":"root"},{"pid":901,"name":"nginx","username":"root"}]}],"no_cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":7000,"name":"tcpdump","username":"root"}]}]}}',1,NULL);
INSERT INTO "politicas" VALUES(5,'compiladores-en-produccion','No compila en producción','media','ee1e58102baa2662714b46d795553aaf76c2f586cbdf1134f3e1a3c0c282bba4','{"id":"compiladores-en-produccion","titulo":"No compila en producción","descripcion":"En los servidores con la etiqueta entorno=produccion no hay compiladores en marcha.","severidad":"media","por_que":"Lo que se ejecuta en producción se construye y se revisa en otra parte; quien entra compila aquí sus herramientas.","remedio":"Construya en el servidor de integración y desinstale build-essential y afines.","requiere":["procesos"],"consulta":"SELECT pid, name, username FROM procesos\nWHERE id_serv = :id_serv AND name IN (\n  ''gcc'', ''cc'', ''cc1'', ''cc1plus'', ''g++'', ''c++'', ''clang'', ''clang++'', ''ld'', ''as'', ''make'', ''gmake'',\n  ''cmake'', ''ninja'', ''rustc'', ''cargo'', ''go'', ''javac'', ''tcc'', ''ghc'', ''dpkg-buildpackage'',\n  ''rpmbuild''\n)\nORDER BY pid\n","referencias":{"CIS Controls v8":["2.5","16.8"],"PCI DSS 4.0":["6.5.3","6.5.6"],"ISO 27001:2022":["A.8.19","A.8.31"]},"aplica":{"distribucion":null,"hostname":null,"etiquetas":{"entorno":"produccion"}},"ejemplos":{"cumple":[{"etiquetas":{"entorno":"produccion"},"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":900,"name":"sshd","username":"root"},{"pid":901,"name":"nginx","username":"root"}]}],"no_cumple":[{"etiquetas":{"entorno":"produccion"},"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":7000,"name":"cc1","username":"root"}]}]}}',1,NULL);
INSERT INTO "politicas" VALUES(6,'control-remoto','No tiene programas de control remoto de escritorio','alta','96eeb792d19d321d2bf547d824f29410f61c5fdd9e7f7a2fa4b441fbd679f483','{"id":"control-remoto","titulo":"No tiene programas de control remoto de escritorio","descripcion":"Ningún programa de control remoto que pase por terceros, ni un servidor VNC, está en marcha.","severidad":"alta","por_que":"Abren desde dentro una puerta que el cortafuegos no ve, con cuentas que nadie da de baja aquí.","remedio":"Desinstálelo; entre por SSH, por la VPN de la casa y con cuentas propias.","requiere":["procesos"],"consulta":"SELECT pid, name, username FROM procesos\nWHERE id_serv = :id_serv AND name IN (\n  ''anydesk'', ''teamviewerd'', ''teamviewer'', ''rustdesk'', ''splashtop-streamer'', ''SRStreamer'',\n  ''remotepc'', ''dwagent'', ''dwagsvc'', ''meshagent'', ''ScreenConnect'', ''screenconnect'', ''logmein'',\n  ''ngrok'', ''x11vnc'', ''Xvnc'', ''Xtigervnc'', ''vncserver'', ''vino-server'', ''x0vncserver'', ''xrdp'',\n  ''nxserver.bin''\n)\nORDER BY pid\n","referencias":{"CIS Controls v8":["4.8","13.5"],"PCI DSS 4.0":["2.2.4","12.3.1"],"ISO 27001:2022":["A.6.7","A.8.20"]},"aplica":{"distribucion":null,"hostname":null,"etiquetas":{}},"ejemplos":{"cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":900,"name":"sshd","username":"root"},{"pid":901,"name":"nginx","username":"root"}]}],"no_cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":7000,"name":"anydesk","username":"root"}]},{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":7000,"name":"x11vnc","username":"root"}]}]}}',1,NULL);
INSERT INTO "politicas" VALUES(7,'cuentas-genericas','Nadie entra con cuentas genéricas','media','a8ff3c93267ec18b13b1d72cfba2a8534787a5a176d563167acde42b042e91f9','{"id":"cuentas-genericas","titulo":"Nadie entra con cuentas genéricas","descripcion":"Ninguna sesión es de una cuenta que comparten varias personas.","severidad":"media","por_que":"Con una cuenta compartida no se sabe quién hizo qué, ni se puede dar de baja a uno solo.","remedio":"Dé a cada persona su cuenta y bloquee la genérica (usermod -L).","requiere":["usuarios_activos"],"consulta":"SELECT username, pid FROM usuarios_activos\nWHERE id_serv = :id_serv AND username IN (\n  ''admin'', ''administrator'', ''administrador'', ''test'', ''prueba'', ''guest'', ''invitado'', ''user'',\n  ''usuario'', ''ubuntu'', ''debian'', ''centos'', ''ec2-user'', ''azureuser'', ''vagrant'', ''pi'', ''oracle'',\n  ''support'', ''soporte'', ''operador''\n)\nORDER BY pid\n","referencias":{"CIS Controls v8":["5.1","5.3"],"PCI DSS 4.0":["8.2.1","8.2.2"],"ISO 27001:2022":["A.5.16","A.5.17"]},"aplica":{"distribucion":null,"hostname":null,"etiquetas":{}},"ejemplos":{"cumple":[{"usuarios_activos":[{"name":"maria","pid":4000}]}],"no_cumple":[{"usuarios_activos":[{"name":"ubuntu","pid":4000}]}]}}',1,NULL);
INSERT INTO "politicas" VALUES(8,'cuentas-sin-sesion','Las cuentas de servicio no inician sesión','alta','ad024202ba3c4bd548301283e530d284dccafbea2cd5b138953f6c88462508e6','{"id":"cuentas-sin-sesion","titulo":"Las cuentas de servicio no inician sesión","descripcion":"Ninguna cuenta de sistema o de servicio tiene una sesión abierta.","severidad":"alta","por_que":"Son cuentas de programas: una persona que entra con ellas no deja su nombre, o no debería haber entrado.","remedio":"usermod -s /usr/sbin/nologin CUENTA, y borre sus claves de ~/.ssh/authorized_keys.","requiere":["usuarios_activos"],"consulta":"SELECT username, pid FROM usuarios_activos\nWHERE id_serv = :id_serv AND username IN (\n  ''daemon'', ''bin'', ''sys'', ''sync'', ''games'', ''man'', ''lp'', ''mail'', ''news'', ''uucp'', ''proxy'',\n  ''www-data'', ''backup'', ''list'', ''irc'', ''nobody'', ''sshd'', ''postfix'', ''mysql'', ''postgres'',\n  ''redis'', ''mongodb'', ''nginx'', ''apache'', ''tomcat'', ''jenkins'', ''git'', ''ftp'', ''named'', ''bind'',\n  ''messagebus'', ''systemd-network''\n)\nORDER BY pid\n","referencias":{"CIS Controls v8":["5.4","6.8"],"PCI DSS 4.0":["8.2.2","8.6.1"],"ISO 27001:2022":["A.5.16","A.8.2"]},"aplica":{"distribucion":null,"hostname":null,"etiquetas":{}},"ejemplos":{"cumple":[{"usuarios_activos":[{"name":"juan","pid":4000}]}],"no_cumple":[{"usuarios_activos":[{"name":"www-data","pid":4000}]}]}}',1,NULL);
INSERT INTO "politicas" VALUES(9,'demasiadas-sesiones','No hay demasiadas sesiones','baja','35a8ca5b2d0b5c97cef8df71c80b6f8bd7661a7a65de944e3182ab51c1686561','{"id":"demasiadas-sesiones","titulo":"No hay demasiadas sesiones","descripcion":"Hay a lo sumo diez sesiones abiertas a la vez.","severidad":"baja","por_que":"Muchas sesiones son olvidos, o un programa que entra como si fuera una persona.","remedio":"Cierre las que nadie usa (loginctl terminate-session) y ponga TMOUT o ClientAliveCountMax.","requiere":["usuarios_activos"],"consulta":"SELECT count(*) AS sesiones, count(DISTINCT username) AS cuentas FROM usuarios_activos\nWHERE id_serv = :id_serv\nHAVING count(*) > 10\n","referencias":{"CIS Controls v8":["4.3"],"PCI DSS 4.0":["8.2.8"],"ISO 27001:2022":["A.8.5"]},"aplica":{"distribucion":null,"hostname":null,"etiquetas":{}},"ejemplos":{"cumple":[{"usuarios_activos":[{"name":"juan","pid":4000},{"name":"juan","pid":4001},{"name":"juan","pid":4002}]}],"no_cumple":[{"usuarios_activos":[{"name":"juan","pid":4000},{"name":"juan","pid":4001},{"name":"juan","pid":4002},{"name":"juan","pid":4003},{"name":"juan","pid":4004},{"name":"juan","pid":4005},{"name":"juan","pid":4006},{"name":"juan","pid":4007},{"name":"juan","pid":4008},{"name":"juan","pid":4009},{"name":"juan","pid":4010}]}]}}',1,NULL);
INSERT INTO "politicas" VALUES(10,'depuradores-en-produccion','No depura en producción','media','922ffd2a4334cb71900c57548a899791832160f876fe53c27dbcf3f551528d40','{"id":"depuradores-en-produccion","titulo":"No depura en producción","descripcion":"En los servidores con la etiqueta entorno=produccion no hay depuradores en marcha.","severidad":"media","por_que":"Un depurador lee y cambia la memoria de otros procesos: claves, contraseñas, datos de clientes.","remedio":"Ciérrelo; kernel.yama.ptrace_scope=2 lo impide a quien no administra.","requiere":["procesos"],"consulta":"SELECT pid, name, username FROM procesos\nWHERE id_serv = :id_serv AND name IN (\n  ''gdb'', ''gdbserver'', ''lldb'', ''lldb-server'', ''strace'', ''ltrace'', ''perf'', ''bpftrace'', ''rr'',\n  ''radare2'', ''r2'', ''dlv'', ''valgrind'', ''frida-server'', ''gcore''\n)\nORDER BY pid\n","referencias":{"CIS Controls v8":["2.5","4.8"],"PCI DSS 4.0":["6.5.6","7.2.5"],"ISO 27001:2022":["A.8.18","A.8.31"]},"aplica":{"distribucion":null,"hostname":null,"etiquetas":{"entorno":"produccion"}},"ejemplos":{"cumple":[{"etiquetas":{"entorno":"produccion"},"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":900,"name":"sshd","username":"root"},{"pid":901,"name":"nginx","username":"root"}]}],"no_cumple":[{"etiquetas":{"entorno":"produccion"},"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":7000,"name":"gdb","username":"root"}]},{"etiquetas":{"entorno":"produccion"},"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":7000,"name":"strace","username":"root"}]}]}}',1,NULL);
INSERT INTO "politicas" VALUES(11,'direccion-cambiada','La dirección no cambia','baja','6a6b5871bc6c2d0fef9b3654db85b6c0a41fa93cd0ddfc2f07b9d8c682a842b8','{"id":"direccion-cambiada","titulo":"La dirección no cambia","descripcion":"El servidor tiene la misma dirección que en sus reportes del último día.","severidad":"baja","por_que":"Un servidor que cambia de dirección escapa a las reglas del cortafuegos; o es otro que usa su identidad.","remedio":"Dele una dirección fija, o una reserva de DHCP.","requiere":["ipaddress","servers"],"consulta":"SELECT o.ipaddress AS antes, s.ipaddress AS ahora, o.fecha_hora AS hasta\nFROM servers s JOIN servers o ON o.num_agente = s.num_agente\nWHERE s.id_serv = :id_serv AND o.momento < s.momento AND o.momento > s.momento - 86400000\n  AND o.id_serv IN (\n    SELECT r.id_serv FROM servers r WHERE r.num_agente = s.num_agente AND r.momento < s.momento\n    ORDER BY r.momento DESC LIMIT 12)\n  AND o.ipaddress <> s.ipaddress\nORDER BY o.momento DESC LIMIT 1\n","referencias":{"CIS Controls v8":["1.1","1.4"],"PCI DSS 4.0":["12.5.1"],"ISO 27001:2022":["A.5.9","A.8.20"]},"aplica":{"distribucion":null,"hostname":null,"etiquetas":{}},"ejemplos":{"cumple":[[{"hace":300,"ipaddress":"192.0.2.15"},{"ipaddress":"192.0.2.15"}],[{"hace":90000,"ipaddress":"192.0.2.99"},{"ipaddress":"192.0.2.15"}]],"no_cumple":[[{"hace":300,"ipaddress":"192.0.2.99"},{"ipaddress":"192.0.2.15"}]]}}',1,NULL);
INSERT INTO "politicas" VALUES(12,'escape-de-contenedores','No intenta salir de contenedores','critica','8670e287b955aaa78bcb8dbb7699523214126a914c88ae780a698168c1f92001','{"id":"escape-de-contenedores","titulo":"No intenta salir de contenedores","descripcion":"Ningún programa conocido por servir para salir de un contenedor está en marcha.","severidad":"critica","por_que":"Quien sale del contenedor tiene la máquina entera y a sus vecinos.","remedio":"Aísle el nodo, mueva las cargas a otro y trátelo como una intrusión.","requiere":["procesos"],"consulta":"SELECT pid, name, username FROM procesos\nWHERE id_serv = :id_serv AND name IN (\n  ''cdk'', ''deepce'', ''deepce.sh'', ''amicontained'', ''botb'', ''break-out-the-box'', ''peirates'',\n  ''kubeletctl'', ''kube-hunter'', ''kubesploit'', ''nsenter'', ''runc-exploit'', ''dirtypipe'', ''dirtycow'',\n  ''pwnkit'', ''escape.sh'', ''release_agent''\n)\nORDER BY pid\n","referencias":{"CIS Controls v8":["2.3","16.7"],"PCI DSS 4.0":["5.2.1","11.5.1"],"ISO 27001:2022":["A.8.7","A.8.22"]},"aplica":{"distribucion":null,"hostname":null,"etiquetas":{}},"ejemplos":{"cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":900,"name":"sshd","username":"root"},{"pid":901,"name":"nginx","username":"root"}]}],"no_cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":7000,"name":"nsenter","username":"root"}]},{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":7000,"name":"cdk","username":"root"}]}]}}',1,NULL);
INSERT INTO "politicas" VALUES(13,'escritorio-grafico','No tiene escritorio gráfico','baja','5ed00ea486b4d3a9fce3bc8e5cf4ec7dcae6a7e979455f0fcd690383e00ff5c1','{"id":"escritorio-grafico","titulo":"No tiene escritorio gráfico","descripcion":"Ningún entorno gráfico está en marcha.","severidad":"baja","por_que":"Un escritorio multiplica los programas que hay que mantener al día y que escuchan.","remedio":"systemctl set-default multi-user.target, y desinstale el entorno.","requiere":["procesos"],"consulta":"SELECT pid, name, username FROM procesos\nWHERE id_serv = :id_serv AND name IN (\n  ''Xorg'', ''Xwayland'', ''gnome-shell'', ''gdm3'', ''gdm'', ''gdm-session-worker'', ''kwin_x11'',\n  ''kwin_wayland'', ''plasmashell'', ''lightdm'', ''sddm'', ''xfce4-session'', ''mate-session'', ''cinnamon'',\n  ''weston''\n)\nORDER BY pid\n","referencias":{"CIS Controls v8":["4.8"],"PCI DSS 4.0":["2.2.4"],"ISO 27001:2022":["A.8.9"]},"aplica":{"distribucion":null,"hostname":null,"etiquetas":{}},"ejemplos":{"cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":900,"name":"sshd","username":"root"},{"pid":901,"name":"nginx","username":"root"}]}],"no_cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":7000,"name":"Xorg","username":"root"}]},{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":7000,"name":"gnome-shell","username":"root"}]}]}}',1,NULL);
INSERT INTO "politicas" VALUES(14,'fin-de-soporte','El sistema tiene soporte','alta','85d0b650a85c34b25c0c95fa4625a4643cd32cf3121c37822dbcc908b7e74a22','{"id":"fin-de-soporte","titulo":"El sistema tiene soporte","descripcion":"La versión de la distribución recibe todavía correcciones de seguridad de quien la hace.","severidad":"alta","por_que":"De lo que se descubre después del fin de soporte no hay corrección, y los ataques son públicos.","remedio":"Actualice a una versión con soporte, o contrate el soporte extendido y ponga una excepción hasta su fin. Cuando salgan versiones nuevas, añada aquí sus fechas: esta tabla es de noviembre de 2026.","requiere":["distribucion","version_distribucion","servers"],"consulta":"WITH soporte (distribucion, version, hasta) AS (\n  VALUES\n    (''almalinux'', ''8'', ''2029-03-01''), (''almalinux'', ''9'', ''2032-05-31''),\n    (''alpine'', ''3.18'', ''2025-05-09''), (''alpine'', ''3.19'', ''2025-11-01''),\n    (''alpine'', ''3.20'', ''2026-04-01''), (''alpine'', ''3.21'', ''2026-11-01''),\n    (''alpine'', ''3.22'', ''2027-05-01''), (''amzn'', ''2'', ''2026-06-30''),\n    (''amzn'', ''2023'', ''2029-06-30''), (''centos'', ''6'', ''2020-11-30''),\n    (''centos'', ''7'', ''2024-06-30''), (''centos'', ''8'', ''2021-12-31''),\n    (''centos'', ''9'', ''2027-05-31''), (''debian'', ''8'', ''2020-06-30''),\n    (''debian'', ''9'', ''2022-06-30''), (''debian'', ''10'', ''2024-06-30''),\n    (''debian'', ''11'', ''2026-08-31''), (''debian'', ''12'', ''2028-06-30''),\n    (''debian'', ''13'', ''2030-06-30''), (''fedora'', ''40'', ''2025-05-13''),\n    (''fedora'', ''41'', ''2025-12-15''), (''ol'', ''7'', ''2024-12-31''),\n    (''ol'', ''8'', ''2029-07-31''), (''ol'', ''9'', ''2032-06-30''),\n    (''opensuse-leap'', ''15.5'', ''2024-12-31''), (''opensuse-leap'', ''15.6'', ''2026-04-30''),\n    (''rhel'', ''6'', ''2020-11-30''), (''rhel'', ''7'', ''2024-06-30''),\n    (''rhel'', ''8'', ''2029-05-31''), (''rhel'', ''9'', ''2032-05-31''),\n    (''rhel'', ''10'', ''2035-05-31''), (''rocky'', ''8'', ''2029-05-31''),\n    (''rocky'', ''9'', ''2032-05-31''), (''sles'', ''12'', ''2024-10-31''),\n    (''ubuntu'', ''14.04'', ''2019-04-25''), (''ubuntu'', ''16.04'', ''2021-04-30''),\n    (''ubuntu'', ''18.04'', ''2023-05-31''), (''ubuntu'', ''20.04'', ''2025-05-31''),\n    (''ubuntu'', ''22.04'', ''2027-04-30''), (''ubuntu'', ''24.04'', ''2029-04-30''),\n    (''ubuntu'', ''24.10'', ''2025-07-10''), (''ubuntu'', ''25.04'', ''2026-01-15'')\n)\nSELECT s.distribucion, s.version_distribucion, soporte.hasta AS fin_de_soporte\nFROM servers s JOIN soporte ON soporte.distribucion = s.distribucion\nWHERE s.id_serv = :id_serv AND date(s.fecha_hora) > soporte.hasta\n  AND (s.version_distribucion = soporte.version\n       OR s.version_distribucion LIKE soporte.version || ''.%'')\n","referencias":{"CIS Controls v8":["2.2","7.3"],"PCI DSS 4.0":["6.3.3","12.3.4"],"ISO 27001:2022":["A.8.8"]},"aplica":{"distribucion":["almalinux","alpine","amzn","centos","debian","fedora","ol","opensuse-leap","rhel","rocky","sles","ubuntu"],"hostname":null,"etiquetas":{}},"ejemplos":{"cumple":[{"distribucion":"debian","version_distribucion":"13"},{"distribucion":"rhel","version_distribucion":"9.4"},{"fecha_hora":"2024-06-30 12:00:00","distribucion":"debian","version_distribucion":"10"}],"no_cumple":[{"distribucion":"debian","version_distribucion":"11"},{"distribucion":"ubuntu","version_distribucion":"20.04"},{"distribucion":"alpine","version_distribucion":"3.19.1"}]}}',1,NULL);
INSERT INTO "politicas" VALUES(15,'ftp','No atiende FTP','media','eb11f47317a1470c5db7d5158a2895565f87dce68032f408bc2de4abdf01e8c2','{"id":"ftp","titulo":"No atiende FTP","descripcion":"Ningún servidor de FTP está en marcha.","severidad":"media","por_que":"FTP lleva contraseñas y archivos sin cifrar, y sus servidores suelen admitir cuentas anónimas.","remedio":"Desinstale el servidor de FTP y entregue archivos por SFTP. Donde FTPS es imprescindible, ponga una excepción.","requiere":["procesos"],"consulta":"SELECT pid, name, username FROM procesos\nWHERE id_serv = :id_serv AND name IN (\n  ''ftpd'', ''in.ftpd'', ''vsftpd'', ''proftpd'', ''pure-ftpd'', ''wu-ftpd'', ''glftpd'', ''ftpd-ssl''\n)\nORDER BY pid\n","referencias":{"CIS Controls v8":["4.6","4.8"],"PCI DSS 4.0":["2.2.5","2.2.7"],"ISO 27001:2022":["A.8.9","A.8.20"]},"aplica":{"distribucion":null,"hostname":null,"etiquetas":{}},"ejemplos":{"cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":900,"name":"sshd","username":"root"},{"pid":901,"name":"nginx","username":"root"}]}],"no_cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":7000,"name":"vsftpd","username":"root"}]},{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":7000,"name":"proftpd","username":"root"}]}]}}',1,NULL);
INSERT INTO "politicas" VALUES(16,'herramientas-de-ataque','No tiene herramientas de ataque','alta','87d5a485d23e2cdbb27711019bc34f2adda198c8b52d6e37597653a16c7ab701','{"id":"herramientas-de-ataque","titulo":"No tiene herramientas de ataque","descripcion":"Ningún programa de exploración, adivinación de contraseñas o explotación está en marcha.","severidad":"alta","por_que":"En un servidor que no es de auditoría, alguien busca con ellos por dónde seguir.","remedio":"Averigüe quién lo arrancó. Las pruebas acordadas se anotan como excepción, con su plazo.","requiere":["procesos"],"consulta":"SELECT pid, name, username FROM procesos\nWHERE id_serv = :id_serv AND name IN (\n  ''nmap'', ''masscan'', ''zmap'', ''rustscan'', ''hydra'', ''medusa'', ''ncrack'', ''john'', ''hashcat'',\n  ''sqlmap'', ''nikto'', ''gobuster'', ''ffuf'', ''wpscan'', ''responder'', ''impacket'', ''crackmapexec'',\n  ''netexec'', ''linpeas.sh'', ''linpeas'', ''pspy'', ''pspy64'', ''mimipenguin'', ''lazagne'', ''bloodhound'',\n  ''enum4linux'', ''sliver-server'', ''msfvenom''\n)\nORDER BY pid\n","referencias":{"CIS Controls v8":["2.3","10.1"],"PCI DSS 4.0":["5.2.1","11.4.1"],"ISO 27001:2022":["A.8.7","A.8.18"]},"aplica":{"distribucion":null,"hostname":null,"etiquetas":{}},"ejemplos":{"cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":900,"name":"sshd","username":"root"},{"pid":901,"name":"nginx","username":"root"}]}],"no_cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":7000,"name":"nmap","username":"root"}]},{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":7000,"name":"pspy64","username":"root"}]}]}}',1,NULL);
INSERT INTO "politicas" VALUES(17,'hora-sincronizada','El reloj se sincroniza','media','42c4b570d43969f2f544cbdacdbd2a653a516904d576f1999569eb56f14983ef','{"id":"hora-sincronizada","titulo":"El reloj se sincroniza","descripcion":"Un programa que pone el reloj en hora está en marcha.","severidad":"media","por_que":"Con relojes distintos no se puede ordenar lo que pasó en varias máquinas, y fallan Kerberos y TLS.","remedio":"systemctl enable --now chrony (o systemd-timesyncd), con los servidores de hora de la casa.","requiere":["procesos"],"consulta":"SELECT ''chronyd, ntpd o systemd-timesyncd'' AS falta\nWHERE NOT EXISTS (\n  SELECT 1 FROM procesos\n  WHERE id_serv = :id_serv AND name IN (\n    ''chronyd'', ''ntpd'', ''ntpsec'', ''systemd-timesyncd'', ''systemd-timesyn'', ''openntpd'', ''ptp4l'',\n    ''phc2sys'', ''VGAuthService'', ''timesyncd''\n  )\n)\n","referencias":{"CIS Controls v8":["8.4"],"PCI DSS 4.0":["10.6.1","10.6.2"],"ISO 27001:2022":["A.8.17"]},"aplica":{"distribucion":null,"hostname":null,"etiquetas":{}},"ejemplos":{"cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":900,"name":"chronyd","username":"root"}]},{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":900,"name":"timesyncd","username":"root"}]}],"no_cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":900,"name":"sshd","username":"root"}]}]}}',1,NULL);
INSERT INTO "politicas" VALUES(18,'identidad-duplicada','Una identidad, una máquina','alta','7b91d0c6aff88fe340ccb432ce868b4a58fb4377e4163dcbced83f2c670e98be','{"id":"identidad-duplicada","titulo":"Una identidad, una máquina","descripcion":"Los reportes de esta identidad vienen de una sola máquina.","severidad":"alta","por_que":"Si dos máquinas (un disco copiado) usan una identidad, lo que se sabe de una tapa lo de la otra.","remedio":"En la copia, borre la carpeta de estado del agente (agente/estado) y reinícielo: se da otra identidad.","requiere":["id_arranque","hostname","ipaddress","servers"],"consulta":"WITH ultimos AS (\n  SELECT o.id_arranque, o.hostname, o.ipaddress, o.momento\n  FROM servers s JOIN servers o ON o.num_agente = s.num_agente AND o.momento <= s.momento\n  WHERE s.id_serv = :id_serv\n  ORDER BY o.momento DESC LIMIT 12\n)\nSELECT a.hostname, a.ipaddress, a.id_arranque, b.hostname AS otro_hostname,\n       b.ipaddress AS otra_ipaddress, b.id_arranque AS otro_arranque\nFROM ultimos a JOIN ultimos b ON b.id_arranque <> a.id_arranque AND b.momento > a.momento\n  JOIN ultimos c ON c.id_arranque = a.id_arranque AND c.momento > b.momento\nORDER BY a.momento LIMIT 1\n","referencias":{"CIS Controls v8":["1.1"],"PCI DSS 4.0":["12.5.1"],"ISO 27001:2022":["A.5.9"]},"aplica":{"distribucion":null,"hostname":null,"etiquetas":{}},"ejemplos":{"cumple":[[{"hace":600,"id_arranque":"aaa"},{"hace":300,"id_arranque":"bbb"},{"id_arranque":"bbb"}]],"no_cumple":[[{"hace":600,"id_arranque":"aaa","hostname":"web-1"},{"hace":300,"id_arranque":"bbb","hostname":"web-2"},{"id_arranque":"aaa","hostname":"web-1"}]]}}',1,NULL);
INSERT INTO "politicas" VALUES(19,'interprete-de-servicio-web','El servicio web no arranca intérpretes','critica','56a4774983fe340ea7436c1fed3a4da4a49d71d6926931f6362e4be191d8fcb1','{"id":"interprete-de-servicio-web","titulo":"El servicio web no arranca intérpretes","descripcion":"La cuenta de un servidor web no tiene shells ni programas de descarga en marcha.","severidad":"critica","por_que":"Un shell bajo la cuenta del servidor web es lo que deja una web vulnerada (webshell).","remedio":"Guarde la evidencia, retire el servidor del balanceador y busque el archivo que lo arranca.","requiere":["procesos"],"consulta":"SELECT pid, name, username FROM procesos\nWHERE id_serv = :id_serv AND name IN (\n  ''sh'', ''bash'', ''dash'', ''ash'', ''zsh'', ''ksh'', ''csh'', ''busybox'', ''curl'', ''wget'', ''perl'', ''python'',\n  ''python2'', ''python3'', ''nc'', ''ncat'', ''socat'', ''base64'', ''whoami'', ''id''\n)\n  AND username IN (''www-data'', ''apache'', ''nginx'', ''http'', ''httpd'', ''wwwrun'', ''lighttpd'', ''caddy'')\nORDER BY pid\n","referencias":{"CIS Controls v8":["10.1","13.2"],"PCI DSS 4.0":["6.4.2","11.5.1"],"ISO 27001:2022":["A.8.7","A.8.26"]},"aplica":{"distribucion":null,"hostname":null,"etiquetas":{}},"ejemplos":{"cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":900,"name":"bash","username":"juan"},{"pid":901,"name":"nginx","username":"www-data"}]}],"no_cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":7000,"name":"bash","username":"www-data"}]},{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":7000,"name":"curl","username":"www-data"}]}]}}',1,NULL);
INSERT INTO "politicas" VALUES(20,'mineros','No mina criptomonedas','critica','5762d448c063a5445356ba79c312ae3c89751e9d9d36856a3b4962838224b13c','{"id":"mineros","titulo":"No mina criptomonedas","descripcion":"Ningún proceso lleva el nombre de un minero conocido.","severidad":"critica","por_que":"Un minero que nadie instaló es la señal más común de que alguien entró; además consume todos los procesadores.","remedio":"Aísle el servidor de la red, guarde la evidencia, averigüe por dónde entraron y reinstálelo.","requiere":["procesos"],"consulta":"SELECT pid, name, username FROM procesos\nWHERE id_serv = :id_serv AND name IN (\n  ''xmrig'', ''xmrig-notls'', ''xmr-stak'', ''xmr-stak-rx'', ''xmr-stak-cpu'', ''minerd'', ''cpuminer'',\n  ''cpuminer-multi'', ''cpuminer-opt'', ''ccminer'', ''cgminer'', ''bfgminer'', ''sgminer'', ''ethminer'',\n  ''nbminer'', ''t-rex'', ''lolMiner'', ''phoenixminer'', ''PhoenixMiner'', ''teamredminer'', ''gminer'',\n  ''nanominer'', ''claymore'', ''nheqminer'', ''srbminer-multi'', ''SRBMiner-MULTI'', ''kinsing'',\n  ''kdevtmpfsi'', ''kthreaddk'', ''watchbog'', ''sysupdate'', ''networkservice'', ''pwnrig'', ''trace-miner'',\n  ''moneroocean'', ''c3pool'', ''p2pool''\n)\nORDER BY pid\n","referencias":{"CIS Controls v8":["2.3","10.1"],"PCI DSS 4.0":["5.2.1","11.5.1"],"ISO 27001:2022":["A.8.7","A.8.16"]},"aplica":{"distribucion":null,"hostname":null,"etiquetas":{}},"ejemplos":{"cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":900,"name":"sshd","username":"root"},{"pid":901,"name":"nginx","username":"root"}]}],"no_cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":7000,"name":"xmrig","username":"www-data"}]},{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":7000,"name":"kdevtmpfsi","username":"www-data"}]}]}}',1,NULL);
INSERT INTO "politicas" VALUES(21,'nucleo-distinto','El núcleo es el de su grupo','baja','817d6654921449f54fefd866a16b75d51e168ea30a5c6674559e59ba72bb2696','{"id":"nucleo-distinto","titulo":"El núcleo es el de su grupo","descripcion":"El servidor tiene el núcleo que más servidores de su distribución y versión (y de su etiqueta grupo) tienen.","severidad":"baja","por_que":"Uno que se aparta se quedó sin actualizar, o sin reiniciar después de actualizar.","remedio":"Actualice el núcleo y reinicie; o actualice a los demás.","requiere":["nucleo","distribucion","version_distribucion","agentes"],"consulta":"WITH yo AS (\n  SELECT s.nucleo, s.distribucion, s.version_distribucion,\n         json_extract(a.etiquetas, ''$.grupo'') AS grupo\n  FROM servers s JOIN agentes a ON a.num_agente = s.num_agente WHERE s.id_serv = :id_serv\n),\ngrupo AS (\n  SELECT s.nucleo, count(*) AS servidores\n  FROM yo CROSS JOIN agentes a CROSS JOIN servers s ON s.id_serv = a.id_serv\n  WHERE s.distribucion = yo.distribucion AND s.version_distribucion = yo.version_distribucion\n    AND json_extract(a.etiquetas, ''$.grupo'') IS yo.grupo\n    AND julianday(a.ultimo_reporte) > julianday(:en) - 1\n  GROUP BY s.nucleo\n)\nSELECT yo.nucleo, grupo.nucleo AS nucleo_del_grupo, grupo.servidores\nFROM yo JOIN grupo ON grupo.nucleo <> yo.nucleo\nWHERE grupo.servidores > 2 * coalesce((SELECT g.servidores FROM grupo g WHERE g.nucleo = yo.nucleo), 0)\nORDER BY grupo.servidores DESC LIMIT 1\n","referencias":{"CIS Controls v8":["4.1","7.3"],"PCI DSS 4.0":["2.2.1","6.3.3"],"ISO 27001:2022":["A.8.8","A.8.9"]},"aplica":{"distribucion":null,"hostname":null,"etiquetas":{}},"ejemplos":{"cumple":[{"nucleo":"6.12.1"},[{"id_agente":"00000000-0000-4000-8000-000000000002","nucleo":"6.12.1"},{"id_agente":"00000000-0000-4000-8000-000000000003","nucleo":"6.12.1"},{"nucleo":"6.12.1"}],[{"id_agente":"00000000-0000-4000-8000-000000000002","nucleo":"6.12.1","distribucion":"ubuntu"},{"id_agente":"00000000-0000-4000-8000-000000000003","nucleo":"6.12.1","distribucion":"ubuntu"},{"id_agente":"00000000-0000-4000-8000-000000000004","nucleo":"6.12.1","distribucion":"ubuntu"},{"nucleo":"6.1.0"}]],"no_cumple":[[{"id_agente":"00000000-0000-4000-8000-000000000002","nucleo":"6.12.1"},{"id_agente":"00000000-0000-4000-8000-000000000003","nucleo":"6.12.1"},{"id_agente":"00000000-0000-4000-8000-000000000004","nucleo":"6.12.1"},{"nucleo":"6.1.0"}]]}}',1,NULL);
INSERT INTO "politicas" VALUES(22,'proteccion-del-servidor','Un programa de protección está en marcha','media','8ec308ebb42ca12d5d9d4d38949d029bc96bd51a085f308468d170fe5503afe9','{"id":"proteccion-del-servidor","titulo":"Un programa de protección está en marcha","descripcion":"Un antivirus, EDR o agente de detección está en marcha.","severidad":"media","por_que":"Sin él, lo que entra por otra vía que las previstas no se detecta.","remedio":"Instale y arranque el agente que usa la casa.","requiere":["procesos"],"consulta":"SELECT ''antivirus o EDR'' AS falta\nWHERE NOT EXISTS (\n  SELECT 1 FROM procesos\n  WHERE id_serv = :id_serv AND name IN (\n    ''falcon-sensor'', ''wazuh-agentd'', ''ossec-agentd'', ''clamd'', ''wdavdaemon'', ''ds_agent'',\n    ''elastic-endpoint'', ''sentinelone-agent'', ''s1-agent'', ''cbagentd'', ''sav-protect'', ''savd'',\n    ''esets_daemon'', ''oaeventd'', ''xagt'', ''cylancesvc'', ''kesl'', ''qualys-cloud-agent'', ''falco'',\n    ''crowdsec'', ''tetragon''\n  )\n)\n","referencias":{"CIS Controls v8":["10.1","10.7"],"PCI DSS 4.0":["5.2.1","5.3.2"],"ISO 27001:2022":["A.8.7"]},"aplica":{"distribucion":null,"hostname":null,"etiquetas":{}},"ejemplos":{"cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":900,"name":"falcon-sensor","username":"root"}]},{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":900,"name":"tetragon","username":"root"}]}],"no_cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":900,"name":"sshd","username":"root"}]}]}}',1,NULL);
INSERT INTO "politicas" VALUES(23,'registro-del-sistema','El registro del sistema está en marcha','alta','f995c8b1c6498797fe5b19738d1da0b0c552064aae51894a532e0b4d79f8006e','{"id":"registro-del-sistema","titulo":"El registro del sistema está en marcha","descripcion":"Un programa que guarda o envía el registro del sistema está en marcha.","severidad":"alta","por_que":"Quien entra apaga el registro lo primero; sin él no hay con qué investigar.","remedio":"systemctl enable --now rsyslog (o systemd-journald), y envíe el registro a otra máquina.","requiere":["procesos"],"consulta":"SELECT ''rsyslogd, syslog-ng o systemd-journald'' AS falta\nWHERE NOT EXISTS (\n  SELECT 1 FROM procesos\n  WHERE id_serv = :id_serv AND name IN (\n    ''rsyslogd'', ''systemd-journald'', ''systemd-journal'', ''syslog-ng'', ''syslogd'', ''filebeat'',\n    ''fluent-bit'', ''fluentd'', ''vector'', ''promtail''\n  )\n)\n","referencias":{"CIS Controls v8":["8.2","8.9"],"PCI DSS 4.0":["10.2.1","10.3.3"],"ISO 27001:2022":["A.8.15"]},"aplica":{"distribucion":null,"hostname":null,"etiquetas":{}},"ejemplos":{"cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":900,"name":"rsyslogd","username":"root"}]},{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":900,"name":"promtail","username":"root"}]}],"no_cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":900,"name":"sshd","username":"root"}]}]}}',1,NULL);
INSERT INTO "politicas" VALUES(24,'reloj-desviado','El reloj está en hora','media','f808866f19a41b02f90e46b3a533ff66f66b4ad9b70b96fc8f4c50ba74e06666','{"id":"reloj-desviado","titulo":"El reloj está en hora","descripcion":"El reloj del servidor se aparta menos de un minuto del reloj del colector.","severidad":"media","por_que":"Con un reloj que miente, los registros del servidor no valen como prueba, y fallan Kerberos y TLS.","remedio":"chronyc tracking dice cuánto se aparta; compruebe que el servidor llega a sus servidores de hora.","requiere":["servers"],"consulta":"WITH ultimos AS (\n  SELECT (julianday(o.fecha_hora) - julianday(o.recibido)) * 86400 AS desvio\n  FROM servers s JOIN servers o ON o.num_agente = s.num_agente AND o.momento <= s.momento\n  WHERE s.id_serv = :id_serv\n  ORDER BY o.momento DESC LIMIT 5\n)\nSELECT round(max(desvio)) AS segundos FROM ultimos\nHAVING max(desvio) > 60  -- adelantado; atrasado también parece lo que esperó sin red, no siempre igual\n  OR (count(*) >= 3 AND max(desvio) < -60 AND max(desvio) - min(desvio) < 60)\n","referencias":{"CIS Controls v8":["8.4"],"PCI DSS 4.0":["10.6.1","10.6.3"],"ISO 27001:2022":["A.8.17"]},"aplica":{"distribucion":null,"hostname":null,"etiquetas":{}},"ejemplos":{"cumple":[{"hace":0},{"fecha_hora":"2026-11-20 08:00:00"},[{"hace":2,"fecha_hora":"2026-11-20 08:00:00"},{"hace":1,"fecha_hora":"2026-11-20 08:05:00"},{"hace":0,"fecha_hora":"2026-11-20 08:10:00"}]],"no_cumple":[{"fecha_hora":"2026-11-20 10:03:00"},[{"hace":600,"fecha_hora":"2026-11-20 08:50:00"},{"hace":300,"fecha_hora":"2026-11-20 08:55:00"},{"hace":0,"fecha_hora":"2026-11-20 09:00:00"}]]}}',1,NULL);
INSERT INTO "politicas" VALUES(25,'reporte-incompleto','El agente lo ve todo','baja','e57ddfb11893d7fa16330915e6dc2e40f0362d4fcac35866c596030abfed54e8','{"id":"reporte-incompleto","titulo":"El agente lo ve todo","descripcion":"El agente pudo reunir todos los datos que se le piden.","severidad":"baja","por_que":"Lo que el agente no ve no se puede juzgar: las políticas que lo necesitan quedan sin datos.","remedio":"La evidencia dice qué falló; suele ser un permiso. ./agente.sh --check lo explica.","requiere":["servers"],"consulta":"SELECT errores AS lo_que_falta FROM servers\nWHERE id_serv = :id_serv AND errores IS NOT NULL\n","referencias":{"CIS Controls v8":["1.1","8.2"],"PCI DSS 4.0":["10.7.2"],"ISO 27001:2022":["A.8.16"]},"aplica":{"distribucion":null,"hostname":null,"etiquetas":{}},"ejemplos":{"cumple":[{"errores":{}}],"no_cumple":[{"errores":{"usuarios_activos":"permission denied"}}]}}',1,NULL);
INSERT INTO "politicas" VALUES(26,'servicios-antiguos','No atiende finger, NIS ni talk','media','c685197ff31b61a0b2ef5f66db453f78ac5975833d3f46ad2c95fc297906c76c','{"id":"servicios-antiguos","titulo":"No atiende finger, NIS ni talk","descripcion":"Ningún servicio de red abandonado está en marcha.","severidad":"media","por_que":"Publican qué cuentas hay y quién trabaja, reparten contraseñas cifradas a quien las pida, y nadie corrige ya sus fallos.","remedio":"Desinstale el servicio; para cuentas comunes use LDAP con TLS o Kerberos.","requiere":["procesos"],"consulta":"SELECT pid, name, username FROM procesos\nWHERE id_serv = :id_serv AND name IN (\n  ''fingerd'', ''in.fingerd'', ''ypserv'', ''ypbind'', ''rpc.yppasswdd'', ''talkd'', ''in.talkd'', ''ntalkd'',\n  ''in.ntalkd'', ''chargen'', ''rwhod''\n)\nORDER BY pid\n","referencias":{"CIS Controls v8":["4.6","4.8"],"PCI DSS 4.0":["2.2.5","2.2.7"],"ISO 27001:2022":["A.8.9","A.8.20"]},"aplica":{"distribucion":null,"hostname":null,"etiquetas":{}},"ejemplos":{"cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":900,"name":"sshd","username":"root"},{"pid":901,"name":"nginx","username":"root"}]}],"no_cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":7000,"name":"ypserv","username":"root"}]}]}}',1,NULL);
INSERT INTO "politicas" VALUES(27,'servicios-r','No atiende rsh, rlogin ni rexec','alta','e070d8f94c3408fd46b8267394a609c0ee65fb3748bdf7b28c22c59233aa3d2f','{"id":"servicios-r","titulo":"No atiende rsh, rlogin ni rexec","descripcion":"Ningún proceso de los servicios r de BSD está en marcha.","severidad":"alta","por_que":"Confían en la dirección de quien llama y no cifran nada: cualquiera que falsifique una dirección entra.","remedio":"Desinstale rsh-server y los paquetes afines, borre los archivos .rhosts y hosts.equiv, y use SSH.","requiere":["procesos"],"consulta":"SELECT pid, name, username FROM procesos\nWHERE id_serv = :id_serv AND name IN (\n  ''rshd'', ''in.rshd'', ''rlogind'', ''in.rlogind'', ''rexecd'', ''in.rexecd'', ''inetutils-rshd''\n)\nORDER BY pid\n","referencias":{"CIS Controls v8":["4.6","4.8"],"PCI DSS 4.0":["2.2.5","2.2.7"],"ISO 27001:2022":["A.8.9","A.8.20"]},"aplica":{"distribucion":null,"hostname":null,"etiquetas":{}},"ejemplos":{"cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":900,"name":"sshd","username":"root"},{"pid":901,"name":"nginx","username":"root"}]}],"no_cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":7000,"name":"in.rshd","username":"root"}]},{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":7000,"name":"rlogind","username":"root"}]}]}}',1,NULL);
INSERT INTO "politicas" VALUES(28,'sesion-de-root','Nadie inicia sesión como root','alta','6ce9689bd1928606afe3db65d7c75b43ee4ade4eb69c04e27d2833c567958a62','{"id":"sesion-de-root","titulo":"Nadie inicia sesión como root","descripcion":"No hay sesiones interactivas de root.","severidad":"alta","por_que":"Una sesión de root no dice quién es la persona, y todo lo que hace pasa sin más permiso.","remedio":"Entre con su cuenta y use sudo; PermitRootLogin no en sshd_config.","requiere":["usuarios_activos"],"consulta":"SELECT username, pid FROM usuarios_activos\nWHERE id_serv = :id_serv AND username = ''root''\nORDER BY pid\n","referencias":{"CIS Controls v8":["5.4","6.8"],"PCI DSS 4.0":["8.2.2","8.6.1"],"ISO 27001:2022":["A.5.16","A.8.2"]},"aplica":{"distribucion":null,"hostname":null,"etiquetas":{}},"ejemplos":{"cumple":[{"usuarios_activos":[{"name":"juan","pid":4000}]},{"usuarios_activos":[]}],"no_cumple":[{"usuarios_activos":[{"name":"juan","pid":4000},{"name":"root","pid":4100}]}]}}',1,NULL);
INSERT INTO "politicas" VALUES(29,'sesion-fuera-de-horario','No hay sesiones fuera del horario de trabajo','baja','632094330d9c387e86068089e664c2e3ce2c9dd2d46563dfeaec78b86a7ccb46','{"id":"sesion-fuera-de-horario","titulo":"No hay sesiones fuera del horario de trabajo","descripcion":"De noche (de 22 a 6, UTC) y en fin de semana no hay sesiones abiertas.","severidad":"baja","por_que":"Quien entra sin permiso prefiere las horas en que nadie mira.","remedio":"Compruebe con esa persona que era ella. Las horas se cambian en la consulta; las guardias se anotan como excepción.","requiere":["usuarios_activos","servers"],"consulta":"SELECT u.username, u.pid, s.fecha_hora\nFROM servers s JOIN usuarios_activos u ON u.id_serv = s.id_serv\nWHERE s.id_serv = :id_serv\n  AND (strftime(''%H'', s.fecha_hora) NOT BETWEEN ''06'' AND ''21''\n       OR strftime(''%w'', s.fecha_hora) IN (''0'', ''6''))\nORDER BY u.pid\n","referencias":{"CIS Controls v8":["8.11"],"PCI DSS 4.0":["10.4.1"],"ISO 27001:2022":["A.8.16"]},"aplica":{"distribucion":null,"hostname":null,"etiquetas":{}},"ejemplos":{"cumple":[{"usuarios_activos":[{"name":"juan","pid":4000}]},{"fecha_hora":"2026-11-20 03:00:00","usuarios_activos":[]}],"no_cumple":[{"fecha_hora":"2026-11-20 03:00:00","usuarios_activos":[{"name":"juan","pid":4000}]},{"fecha_hora":"2026-11-21 12:00:00","usuarios_activos":[{"name":"juan","pid":4000}]}]}}',1,NULL);
INSERT INTO "politicas" VALUES(30,'sesion-larga','Ninguna sesión dura más de doce horas','baja','2c5934a7f81ab502c5769bedc94238659cda4dca32dfd9f0379c67dadf5a5240','{"id":"sesion-larga","titulo":"Ninguna sesión dura más de doce horas","descripcion":"Ninguna sesión de ahora estaba ya hace doce horas.","severidad":"baja","por_que":"Una sesión olvidada es una puerta abierta en la pantalla de alguien que no está.","remedio":"Ciérrela; TMOUT en el shell, o ClientAliveInterval y ClientAliveCountMax en sshd_config.","requiere":["usuarios_activos","servers"],"consulta":"WITH antes AS (\n  SELECT o.id_serv, o.fecha_hora FROM servers s JOIN servers o ON o.num_agente = s.num_agente\n  WHERE s.id_serv = :id_serv AND o.momento <= s.momento - 12 * 3600000\n  ORDER BY o.momento DESC LIMIT 1\n)\nSELECT u.username, u.pid, antes.fecha_hora AS ya_estaba\nFROM usuarios_activos u CROSS JOIN antes\nWHERE u.id_serv = :id_serv AND u.pid IS NOT NULL\n  AND EXISTS (SELECT 1 FROM usuarios_activos v\n              WHERE v.id_serv = antes.id_serv AND v.pid = u.pid AND v.username = u.username)\nORDER BY u.pid\n","referencias":{"CIS Controls v8":["4.3"],"PCI DSS 4.0":["8.2.8"],"ISO 27001:2022":["A.8.5"]},"aplica":{"distribucion":null,"hostname":null,"etiquetas":{}},"ejemplos":{"cumple":[[{"hace":50000,"usuarios_activos":[{"name":"juan","pid":4000}]},{"usuarios_activos":[{"name":"juan","pid":5555}]}],[{"hace":3600,"usuarios_activos":[{"name":"juan","pid":4000}]},{"usuarios_activos":[{"name":"juan","pid":4000}]}]],"no_cumple":[[{"hace":50000,"usuarios_activos":[{"name":"juan","pid":4000}]},{"usuarios_activos":[{"name":"juan","pid":4000}]}]]}}',1,NULL);
INSERT INTO "politicas" VALUES(31,'shell-inverso','No tiene túneles ni shells inversos','critica','ae7627faeb1bc533bb0c579437cbb8333998fbf3982eaa537b01f91217539bf7','{"id":"shell-inverso","titulo":"No tiene túneles ni shells inversos","descripcion":"Ningún programa con el que se suele sacar un shell o un túnel de la máquina está en marcha.","severidad":"critica","por_que":"Con ellos quien entró mantiene su acceso y pasa a otras máquinas de la red.","remedio":"Guarde la evidencia (usuario, proceso padre, conexiones), corte la conexión y trátelo como una intrusión.","requiere":["procesos"],"consulta":"SELECT pid, name, username FROM procesos\nWHERE id_serv = :id_serv AND name IN (\n  ''nc'', ''ncat'', ''netcat'', ''nc.openbsd'', ''nc.traditional'', ''socat'', ''cryptcat'', ''pwncat'',\n  ''pwncat-cs'', ''gs-netcat'', ''gsocket'', ''chisel'', ''ligolo-agent'', ''ligolo-ng'', ''frpc'', ''frps'',\n  ''iodine'', ''iodined'', ''dnscat'', ''dnscat2'', ''ptunnel'', ''revsocks'', ''rathole'', ''bore'',\n  ''sliver-client'', ''meterpreter'', ''msfconsole''\n)\nORDER BY pid\n","referencias":{"CIS Controls v8":["2.3","13.4"],"PCI DSS 4.0":["11.5.1","12.10.5"],"ISO 27001:2022":["A.8.16","A.8.20"]},"aplica":{"distribucion":null,"hostname":null,"etiquetas":{}},"ejemplos":{"cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":900,"name":"sshd","username":"root"},{"pid":901,"name":"nginx","username":"root"}]}],"no_cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":7000,"name":"ncat","username":"www-data"}]},{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":7000,"name":"chisel","username":"www-data"}]}]}}',1,NULL);
INSERT INTO "politicas" VALUES(32,'silencio','El servidor reporta','alta','6b531c89f7c1203e8b59129b64f5049c9d346479bb3c4c7038d6468441cbd86b','{"id":"silencio","titulo":"El servidor reporta","descripcion":"El último reporte llegó hace menos de tres intervalos, y de cinco minutos al menos.","severidad":"alta","por_que":"De un servidor que calla no se sabe nada: puede estar apagado, sin red, o con el agente parado a propósito.","remedio":"En el servidor, ./agente.sh --check dice qué falla. Si se dio de baja, retírelo.","requiere":["agentes","servers"],"consulta":"SELECT o.recibido AS ultimo_reporte, a.intervalo\nFROM servers s JOIN agentes a ON a.num_agente = s.num_agente\n  JOIN servers o ON o.id_serv = (\n    SELECT r.id_serv FROM servers r WHERE r.num_agente = s.num_agente AND r.recibido <= :en\n    ORDER BY r.momento DESC LIMIT 1)\nWHERE s.id_serv = :id_serv AND a.estado = ''activo'' AND a.intervalo IS NOT NULL\n  AND (julianday(:en) - julianday(o.recibido)) * 86400 > max(3 * a.intervalo, 300)\n","referencias":{"CIS Controls v8":["1.1","8.2"],"PCI DSS 4.0":["10.7.2","12.5.1"],"ISO 27001:2022":["A.5.9","A.8.16"]},"aplica":{"distribucion":null,"hostname":null,"etiquetas":{}},"ejemplos":{"cumple":[{"hace":100},{"hace":800}],"no_cumple":[{"hace":1000},{"hace":86400}]}}',1,NULL);
INSERT INTO "politicas" VALUES(33,'telnet','No atiende Telnet','alta','096d99fa563406b8f0ad9d4cbbfc50c4922a7568ec218a91930178da6bfa2f13','{"id":"telnet","titulo":"No atiende Telnet","descripcion":"Ningún proceso que atiende conexiones Telnet está en marcha.","severidad":"alta","por_que":"Telnet lleva contraseñas y órdenes sin cifrar: quien esté en la misma red las lee y las cambia.","remedio":"Desinstale el servidor de Telnet (apt purge telnetd, dnf remove telnet-server) y use SSH.","requiere":["procesos"],"consulta":"SELECT pid, name, username FROM procesos\nWHERE id_serv = :id_serv AND name IN (\n  ''telnetd'', ''in.telnetd'', ''telnetd-ssl'', ''inetutils-telnetd'', ''utelnetd''\n)\nORDER BY pid\n","referencias":{"CIS Controls v8":["4.6","4.8"],"PCI DSS 4.0":["2.2.5","2.2.7"],"ISO 27001:2022":["A.8.9","A.8.20"]},"aplica":{"distribucion":null,"hostname":null,"etiquetas":{}},"ejemplos":{"cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":900,"name":"sshd","username":"root"},{"pid":901,"name":"nginx","username":"root"}]}],"no_cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":7000,"name":"in.telnetd","username":"root"}]}]}}',1,NULL);
INSERT INTO "politicas" VALUES(34,'tftp','No atiende TFTP','media','f51a65182e6f884dfb966f47d195fd15cc8b7b6e0555212fd87b0c5acaa3200d','{"id":"tftp","titulo":"No atiende TFTP","descripcion":"Ningún servidor de TFTP está en marcha.","severidad":"media","por_que":"TFTP no pide contraseña: cualquiera en la red lee, y a veces escribe, lo que ofrece.","remedio":"Desinstale tftpd. Los servidores que arrancan otras máquinas por red merecen una excepción con fecha.","requiere":["procesos"],"consulta":"SELECT pid, name, username FROM procesos\nWHERE id_serv = :id_serv AND name IN (\n  ''tftpd'', ''in.tftpd'', ''atftpd'', ''tftpd-hpa'', ''utftpd''\n)\nORDER BY pid\n","referencias":{"CIS Controls v8":["4.6","4.8"],"PCI DSS 4.0":["2.2.5","2.2.7"],"ISO 27001:2022":["A.8.9","A.8.20"]},"aplica":{"distribucion":null,"hostname":null,"etiquetas":{}},"ejemplos":{"cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":900,"name":"sshd","username":"root"},{"pid":901,"name":"nginx","username":"root"}]}],"no_cumple":[{"procesos":[{"pid":1,"name":"systemd","username":"root"},{"pid":7000,"name":"in.tftpd","username":"root"}]}]}}',1,NULL);
CREATE TABLE presencias (
	id_hecho INTEGER NOT NULL, 
	num_agente INTEGER NOT NULL, 
	CONSTRAINT pk_presencias PRIMARY KEY (id_hecho, num_agente), 
	CONSTRAINT fk_presencias_id_hecho FOREIGN KEY(id_hecho) REFERENCES hechos (id_hecho), 
	CONSTRAINT fk_presencias_num_agente FOREIGN KEY(num_agente) REFERENCES agentes (num_agente)
)
 WITHOUT ROWID

;
INSERT INTO "presencias" VALUES(1,1);
INSERT INTO "presencias" VALUES(1,2);
INSERT INTO "presencias" VALUES(2,1);
INSERT INTO "presencias" VALUES(3,1);
INSERT INTO "presencias" VALUES(4,1);
INSERT INTO "presencias" VALUES(5,1);
INSERT INTO "presencias" VALUES(5,2);
INSERT INTO "presencias" VALUES(6,1);
INSERT INTO "presencias" VALUES(7,1);
INSERT INTO "presencias" VALUES(7,2);
INSERT INTO "presencias" VALUES(8,1);
INSERT INTO "presencias" VALUES(9,1);
INSERT INTO "presencias" VALUES(9,2);
INSERT INTO "presencias" VALUES(10,1);
INSERT INTO "presencias" VALUES(11,2);
INSERT INTO "presencias" VALUES(12,2);
INSERT INTO "presencias" VALUES(13,2);
INSERT INTO "presencias" VALUES(14,2);
INSERT INTO "presencias" VALUES(15,2);
INSERT INTO "presencias" VALUES(16,2);
INSERT INTO "presencias" VALUES(17,2);
INSERT INTO "presencias" VALUES(18,2);
INSERT INTO "presencias" VALUES(19,2);
INSERT INTO "presencias" VALUES(20,2);
INSERT INTO "presencias" VALUES(21,2);
CREATE TABLE repeticiones (
	n INTEGER NOT NULL, 
	CONSTRAINT pk_repeticiones PRIMARY KEY (n)
);
INSERT INTO "repeticiones" VALUES(1);
CREATE TABLE retencion (
	que TEXT NOT NULL, 
	hasta BIGINT NOT NULL, 
	CONSTRAINT pk_retencion PRIMARY KEY (que)
);
CREATE TABLE secretos (
	id_secreto INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	hash VARCHAR(64) NOT NULL, 
	desde DATETIME NOT NULL, 
	hasta DATETIME, 
	cupo INTEGER, 
	altas INTEGER DEFAULT '0' NOT NULL, 
	redes TEXT
);
INSERT INTO "secretos" VALUES(1,'c3916da4d7f1e6a3fecafca742e1d85855549b37a17eb6dcee147eb738efcba5','2026-11-25 02:51:55.709096',NULL,NULL,0,NULL);
CREATE TABLE servers (
	id_serv INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	ipaddress TEXT, 
	fecha_hora DATETIME, 
	arquitectura_proc TEXT, 
	marca_proc TEXT, 
	nombre_so TEXT, 
	version_so TEXT, 
	hostname TEXT, 
	id_agente VARCHAR(36), 
	id_reporte VARCHAR(36), 
	recibido DATETIME, 
	distribucion TEXT, 
	version_distribucion TEXT, 
	nucleo TEXT, 
	id_arranque TEXT, 
	pid_agente INTEGER, 
	errores TEXT, 
	momento BIGINT, 
	num_agente INTEGER, 
	CONSTRAINT fk_servers_num_agente FOREIGN KEY(num_agente) REFERENCES agentes (num_agente)
);
INSERT INTO "servers" VALUES(1,'192.168.1.205','2020-02-15 02:06:54.999999','X86_64','Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz','Linux','#1 SMP Debian 6.1.99-1 (2024-07-15)',NULL,'91c4041a-702d-54ab-baca-ba6e913a0aad','aa58d096-d814-5ab0-b912-ff6c0c05ebee','2026-11-25 02:52:00.074957',NULL,NULL,NULL,NULL,NULL,NULL,1581732414999,1);
INSERT INTO "servers" VALUES(2,'2001:db8::15','2026-11-20 10:00:00.000250','X86_64','AMD EPYC 7763 64-Core Processor','Linux','#1 SMP PREEMPT_DYNAMIC Debian 6.1.99-1 (2024-07-15)','web-07.example.net','3f1c9a52-6b1e-4c0d-9f3a-0d4f2f6f8a11','019aa0c1-5e00-7abc-8def-0123456789ab','2026-11-25 02:52:00.089050','debian','12','6.1.0-23-amd64','0d9f6f2e-4a0b-4c6e-a1b2-5f4be3c61d10',4100,NULL,1795168800000,2);
CREATE TABLE sesiones (
	id_sesion INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id_cuenta INTEGER NOT NULL, 
	huella TEXT NOT NULL, 
	creada DATETIME NOT NULL, 
	usada DATETIME NOT NULL, 
	desde TEXT NOT NULL, 
	programa TEXT, 
	CONSTRAINT fk_sesiones_id_cuenta FOREIGN KEY(id_cuenta) REFERENCES cuentas (id_cuenta)
);
CREATE TABLE tokens_personales (
	id_token INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id_cuenta INTEGER NOT NULL, 
	nombre TEXT NOT NULL, 
	alcance TEXT NOT NULL, 
	huella TEXT NOT NULL, 
	creado DATETIME NOT NULL, 
	caduca DATETIME NOT NULL, 
	usado DATETIME, 
	CONSTRAINT fk_tokens_personales_id_cuenta FOREIGN KEY(id_cuenta) REFERENCES cuentas (id_cuenta)
);
CREATE TABLE version_esquema (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT version_esquema_pkc PRIMARY KEY (version_num)
);
INSERT INTO "version_esquema" VALUES('0001');
CREATE UNIQUE INDEX ix_agentes_id_agente ON agentes (id_agente);
CREATE INDEX ix_agentes_id_serv ON agentes (id_serv);
CREATE TRIGGER auditoria_update BEFORE UPDATE ON auditoria BEGIN SELECT RAISE(ABORT, 'la auditoría no se cambia'); END;
CREATE TRIGGER auditoria_delete BEFORE DELETE ON auditoria BEGIN SELECT RAISE(ABORT, 'la auditoría no se cambia'); END;
CREATE UNIQUE INDEX ix_cuentas_nombre ON cuentas (nombre);
CREATE INDEX ix_hechos_campo_nombre_valor ON hechos (campo, nombre, valor);
CREATE UNIQUE INDEX ix_politicas_id_politica ON politicas (id_politica);
CREATE INDEX ix_credenciales_desde ON credenciales (desde);
CREATE INDEX ix_credenciales_num_agente ON credenciales (num_agente);
CREATE INDEX ix_cumplimiento_num_politica_hasta ON cumplimiento (num_politica, hasta);
CREATE INDEX ix_excepciones_num_politica ON excepciones (num_politica);
CREATE INDEX ix_periodos_id_hecho_hasta ON periodos (id_hecho, hasta) WHERE hasta < 140737488355327;
CREATE UNIQUE INDEX ix_servers_num_agente_momento ON servers (num_agente, momento);
CREATE UNIQUE INDEX ix_servers_num_agente_id_reporte ON servers (num_agente, id_reporte);
CREATE UNIQUE INDEX ix_sesiones_huella ON sesiones (huella);
CREATE INDEX ix_sesiones_id_cuenta ON sesiones (id_cuenta);
CREATE INDEX ix_tokens_personales_id_cuenta ON tokens_personales (id_cuenta);
CREATE UNIQUE INDEX ix_tokens_personales_huella ON tokens_personales (huella);
CREATE VIEW historial_procesos (id_agente, pid, name, username, inicio, veces, desde, hasta) AS SELECT a.id_agente, nullif(p.pid, -1), h.nombre, h.valor, strftime('%Y-%m-%d %H:%M:%f000', p.inicio / 1000.0, 'unixepoch'), p.veces, strftime('%Y-%m-%d %H:%M:%f000', p.desde / 1000.0, 'unixepoch'), strftime('%Y-%m-%d %H:%M:%f000', p.hasta / 1000.0, 'unixepoch') FROM periodos p JOIN hechos h USING (id_hecho) JOIN agentes a USING (num_agente) WHERE p.hasta < 140737488355327 AND h.campo = 'procesos' UNION ALL SELECT a.id_agente, nullif(p.pid, -1), h.nombre, h.valor, strftime('%Y-%m-%d %H:%M:%f000', p.inicio / 1000.0, 'unixepoch'), p.veces, strftime('%Y-%m-%d %H:%M:%f000', p.desde / 1000.0, 'unixepoch'), NULL FROM presencias JOIN periodos p USING (id_hecho, num_agente) JOIN hechos h USING (id_hecho) JOIN agentes a USING (num_agente) WHERE p.hasta = 140737488355327 AND h.campo = 'procesos';
CREATE VIEW historial_usuarios (id_agente, username, pid, veces, desde, hasta) AS SELECT a.id_agente, h.nombre, nullif(p.pid, -1), p.veces, strftime('%Y-%m-%d %H:%M:%f000', p.desde / 1000.0, 'unixepoch'), strftime('%Y-%m-%d %H:%M:%f000', p.hasta / 1000.0, 'unixepoch') FROM periodos p JOIN hechos h USING (id_hecho) JOIN agentes a USING (num_agente) WHERE p.hasta < 140737488355327 AND h.campo = 'usuarios_activos' UNION ALL SELECT a.id_agente, h.nombre, nullif(p.pid, -1), p.veces, strftime('%Y-%m-%d %H:%M:%f000', p.desde / 1000.0, 'unixepoch'), NULL FROM presencias JOIN periodos p USING (id_hecho, num_agente) JOIN hechos h USING (id_hecho) JOIN agentes a USING (num_agente) WHERE p.hasta = 140737488355327 AND h.campo = 'usuarios_activos';
CREATE VIEW historial_sistema (id_agente, dato, valor, desde, hasta) AS SELECT a.id_agente, h.campo, h.nombre, strftime('%Y-%m-%d %H:%M:%f000', p.desde / 1000.0, 'unixepoch'), strftime('%Y-%m-%d %H:%M:%f000', p.hasta / 1000.0, 'unixepoch') FROM periodos p JOIN hechos h USING (id_hecho) JOIN agentes a USING (num_agente) WHERE p.hasta < 140737488355327 AND h.campo NOT IN ('procesos', 'usuarios_activos') UNION ALL SELECT a.id_agente, h.campo, h.nombre, strftime('%Y-%m-%d %H:%M:%f000', p.desde / 1000.0, 'unixepoch'), NULL FROM presencias JOIN periodos p USING (id_hecho, num_agente) JOIN hechos h USING (id_hecho) JOIN agentes a USING (num_agente) WHERE p.hasta = 140737488355327 AND h.campo NOT IN ('procesos', 'usuarios_activos');
CREATE VIEW cambios (momento, tipo, id_agente, campo, pid, nombre, valor, num_agente) AS SELECT strftime('%Y-%m-%d %H:%M:%f000', p.desde / 1000.0, 'unixepoch'), 'inicia', a.id_agente, h.campo, nullif(p.pid, -1), h.nombre, h.valor, p.num_agente FROM periodos p JOIN hechos h USING (id_hecho) JOIN agentes a USING (num_agente) WHERE p.hasta < 140737488355327 AND p.propio = 0 UNION ALL SELECT strftime('%Y-%m-%d %H:%M:%f000', p.desde / 1000.0, 'unixepoch'), 'inicia', a.id_agente, h.campo, nullif(p.pid, -1), h.nombre, h.valor, p.num_agente FROM presencias JOIN periodos p USING (id_hecho, num_agente) JOIN hechos h USING (id_hecho) JOIN agentes a USING (num_agente) WHERE p.hasta = 140737488355327 AND p.propio = 0 UNION ALL SELECT strftime('%Y-%m-%d %H:%M:%f000', p.hasta / 1000.0, 'unixepoch'), 'termina', a.id_agente, h.campo, nullif(p.pid, -1), h.nombre, h.valor, p.num_agente FROM periodos p JOIN hechos h USING (id_hecho) JOIN agentes a USING (num_agente) WHERE p.hasta < 140737488355327 AND p.propio = 0;
CREATE VIEW historial_cumplimiento (id_agente, id_politica, severidad, veredicto, desde, hasta, evidencia, evidencia_ultima, razon) AS SELECT a.id_agente, o.id_politica, o.severidad, p.veredicto, strftime('%Y-%m-%d %H:%M:%f000', p.desde / 1000.0, 'unixepoch'), CASE WHEN p.hasta < 140737488355327 THEN strftime('%Y-%m-%d %H:%M:%f000', p.hasta / 1000.0, 'unixepoch') END, p.evidencia, p.evidencia_ultima, p.razon FROM cumplimiento p JOIN politicas o USING (num_politica) JOIN agentes a USING (num_agente);
CREATE VIEW procesos (id_proc, id_serv, ip_server, fecha_hora, pid, name, username) AS SELECT s.id_serv * 134217728 + (p.numero + r.n - 1) % 134217728, s.id_serv, s.ipaddress, s.fecha_hora, p.pid, h.nombre, h.valor FROM servers s CROSS JOIN periodos p ON p.num_agente = s.num_agente AND p.hasta > s.momento AND p.desde <= s.momento CROSS JOIN hechos h ON h.id_hecho = p.id_hecho AND h.campo = 'procesos' CROSS JOIN repeticiones r ON r.n <= p.veces WHERE s.errores IS NULL OR json_extract(s.errores, '$.procesos') IS NULL;
CREATE VIEW usuarios_activos (id_usr, id_serv, ip_server, fecha_hora, username, pid) AS SELECT s.id_serv * 134217728 + (p.numero + r.n - 1) % 134217728, s.id_serv, s.ipaddress, s.fecha_hora, h.nombre, nullif(p.pid, -1) FROM servers s CROSS JOIN periodos p ON p.num_agente = s.num_agente AND p.hasta > s.momento AND p.desde <= s.momento CROSS JOIN hechos h ON h.id_hecho = p.id_hecho AND h.campo = 'usuarios_activos' CROSS JOIN repeticiones r ON r.n <= p.veces WHERE s.errores IS NULL OR json_extract(s.errores, '$.usuarios_activos') IS NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('secretos',1);
INSERT INTO "sqlite_sequence" VALUES('auditoria',1);
INSERT INTO "sqlite_sequence" VALUES('politicas',34);
INSERT INTO "sqlite_sequence" VALUES('agentes',2);
INSERT INTO "sqlite_sequence" VALUES('servers',2);
COMMIT;
