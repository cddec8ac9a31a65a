/* Stands before the system's own header where HTTP has no business (see CMakeLists.txt). */
#error "ulfius.h belongs to main, server and http: what is here sees no HTTP"
