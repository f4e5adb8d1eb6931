// A server's decoding, from the bytes that recv() brings to the message: parsing, unmasking, validating.
//
// recv() is one copy into the receive buffer; its cost is part of every figure, and is a contender by itself.
#include "decode_sansocket.hpp"
#include "harness.hpp"
#include "texts.hpp"

namespace {

constexpr std::size_t KiB = 1024;
constexpr std::size_t MiB = KiB * KiB;

std::vector<decode_work> works() {
  std::vector<decode_work> all;
  const auto add = [&](std::string name, std::vector<std::string> messages, bool text, std::size_t read_size) {
    all.push_back(make_decode_work(std::move(name), std::move(messages), text, read_size));
  };
  add("JSON 16 B, reads of 64 KiB", json_messages(16), true, 64 * KiB);
  add("JSON 64 B, reads of 64 KiB", json_messages(64), true, 64 * KiB);
  add("JSON 125 B, reads of 64 KiB", json_messages(125), true, 64 * KiB);
  add("JSON 1 KiB, reads of 1460 B", json_messages(KiB), true, 1460);
  add("JSON 16 KiB, reads of 64 KiB", json_messages(16 * KiB), true, 64 * KiB);
  add("JSON 16 KiB, reads of 1460 B", json_messages(16 * KiB), true, 1460);
  add("JSON 1 MiB, reads of 64 KiB", json_messages(MiB, 4 * MiB), true, 64 * KiB);
  add("JSON 64 MiB, reads of 64 KiB", json_messages(64 * MiB, 64 * MiB), true, 64 * KiB);
  add("many scripts 125 B, reads of 64 KiB", many_scripts_messages(125), true, 64 * KiB);
  add("many scripts 1 KiB, reads of 64 KiB", many_scripts_messages(KiB), true, 64 * KiB);
  add("many scripts 1 MiB, reads of 64 KiB", many_scripts_messages(MiB, 4 * MiB), true, 64 * KiB);
  add("binary 1 KiB, reads of 1460 B", json_messages(KiB), false, 1460);
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<decode_work> all = works();
  const auto contenders = with_peers<decode_work>(
      {{"copy alone", make_contender<copy_of_stream>}, {"sansocket", make_contender<decoding<sansocket_decoder>>}},
      &peer::decode);
  for (const decode_work& work : all) {
    judge<decode_work>(contenders, work, [&](const std::string& shown) { return shown == all_messages(work); });
    add_row("decode/" + work.name, contenders, work, work.messages.size());
  }
  return measure(argc, argv);
}
