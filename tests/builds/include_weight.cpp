// What a program that wants the connection alone has to read.
#include "sansocket/connection/connection.hpp"

#ifdef TOO_HEAVY
#include <sstream>
#endif
