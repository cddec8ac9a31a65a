/* Stands before the system's own header where HTTP has no business (see CMakeLists.txt). */
#error "microhttpd.h belongs to main, server and http: what is here sees no HTTP"
