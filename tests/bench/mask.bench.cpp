// Masking alone, in place and on the way to another place (§5.3).
#include <cstring>

#include "harness.hpp"
#include "mask_byte_loop.hpp"
#include "sansocket/codec/mask.hpp"
#include "texts.hpp"

namespace {

constexpr std::array<std::size_t, 5> sizes{16, 125, 1024, 16 * 1024, 1024 * 1024};

using key_type = std::array<unsigned char, 4>;

struct sansocket_mask {
  void operator()(unsigned char* to, const unsigned char* from, std::size_t size, const key_type& key) {
    const auto own = std::bit_cast<sansocket::masking_key>(key);
    const auto target = std::as_writable_bytes(std::span(to, size));
    if (to == from) {
      sansocket::apply_mask(target, own);
    } else {
      sansocket::copy_masked(target, std::as_bytes(std::span(from, size)), own);
    }
  }
};

struct byte_loop {
  void operator()(unsigned char* to, const unsigned char* from, std::size_t size, const key_type& key) {
    mask_byte_by_byte(to, from, size, key);
  }
};

/// The same number of bytes copied.
class copy_of_payloads final : public contender {
 public:
  explicit copy_of_payloads(const mask_work& work) : work_(work), from_(work.payloads()), to_(from_) {}

  void run() override {
    for (std::size_t i = 0; i < work_.count(); ++i) {
      std::memcpy(&to_[work_.at(i)], &from_[work_.at(i)], work_.size);
      asm volatile("" : : "r"(to_.data()) : "memory");
    }
  }

 private:
  const mask_work work_;
  std::vector<unsigned char> from_, to_;
};

}  // namespace

int main(int argc, char** argv) {
  const auto contenders = with_peers<mask_work>({{"memcpy", make_contender<copy_of_payloads>},
                                                 {"sansocket", make_contender<masking<sansocket_mask>>},
                                                 {"byte loop", make_contender<masking<byte_loop>>}},
                                                &peer::mask);
  for (const bool copying : {false, true}) {
    for (const std::size_t size : sizes) {
      const mask_work work{size, copying, {0x37, 0xFA, 0x21, 0x3D}};
      // What must come out, written as the RFC has it; what lies between the payloads stays.
      std::vector<unsigned char> masked = work.payloads();
      for (std::size_t i = 0; i < work.count() * size; ++i) {
        masked[work.at(i / size) + i % size] ^= work.key[i % size % 4];
      }
      const std::string right(masked.begin(), masked.end());
      judge<mask_work>(contenders, work, [&](const std::string& shown) { return shown == right; });
      const std::string name = (copying ? "copying " : "in place ") + size_in_words(size);
      add_row("mask/" + name, contenders, work, work.count());
    }
  }
  return measure(argc, argv);
}
