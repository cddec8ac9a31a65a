/* Stands before the system's own header where JSON has no business (see CMakeLists.txt). */
#error "jansson.h belongs to http, handlers and tokens: what is here sees no JSON"
