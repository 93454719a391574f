/* Has whatever is started with it in LD_PRELOAD see a clock that is wrong by so many seconds as the
   first eight bytes of $CLOCK_FILE say. It needs no headers: only a compiler is asked for. */

struct timespec { long seconds, nanoseconds; };
extern void *dlsym(void *, const char *);
extern char *getenv(const char *);
extern int open(const char *, int, ...);
extern void *mmap(void *, unsigned long, int, int, int, long);

static int (*real)(int, struct timespec *);
static const volatile long *wrong_by;

__attribute__((constructor)) static void begin(void) {
    real = dlsym((void *)-1L, "clock_gettime");
    wrong_by = mmap(0, sizeof(long), 1, 1, open(getenv("CLOCK_FILE"), 0), 0);
}

int clock_gettime(int which, struct timespec *now) {
    if (!real) begin();
    int failed = real(which, now);
    if (which == 0) now->seconds += *wrong_by;
    return failed;
}
