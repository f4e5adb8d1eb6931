#include <sansocket/connection/connection.hpp>

int main() {
  const sansocket::server_connection connection;
  return connection.is_open() ? 0 : 1;
}
