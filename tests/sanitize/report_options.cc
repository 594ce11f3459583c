// How the sanitizers report in programs that have no environment and no terminal: to a file each in
// PIV_SANITIZE_REPORTS. Leaks are not looked for: these processes end without giving back.
#define PIV_REPORTS "log_path=" PIV_SANITIZE_REPORTS "/report:log_exe_name=1:symbolize=0"

extern "C" __attribute__((visibility("default"))) const char* __asan_default_options() {
    return PIV_REPORTS ":detect_leaks=0:detect_stack_use_after_return=1:strict_string_checks=1";
}
extern "C" __attribute__((visibility("default"))) const char* __ubsan_default_options() {
    return PIV_REPORTS ":print_stacktrace=1";
}
