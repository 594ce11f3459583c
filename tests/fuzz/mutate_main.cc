// Without libFuzzer: mutates the files of the given folders, from a fixed seed.
//   TARGET ROUNDS FOLDER...
#include <cstdio>
#include <string>
#include <vector>

#include "pki/base/file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

class Random {
  public:
    std::uint64_t next() {
        state_ ^= state_ << 13U;
        state_ ^= state_ >> 7U;
        state_ ^= state_ << 17U;
        return state_;
    }
    std::size_t below(std::size_t n) { return n == 0 ? 0 : static_cast<std::size_t>(next() % n); }

  private:
    std::uint64_t state_ = 0x9e3779b97f4a7c15U;
};

void mutate(piv::Bytes& data, Random& random) {
    static const std::uint8_t interesting[] = {0x00, 0x01, 0x7F, 0x80, 0x81, 0x82, 0xFF, 0x30};
    const std::size_t changes = 1 + random.below(4);
    for (std::size_t i = 0; i < changes && !data.empty(); ++i) {
        const std::size_t at = random.below(data.size());
        const auto position = data.begin() + static_cast<std::ptrdiff_t>(at);
        switch (random.below(6)) {
            case 0:
                data[at] ^= static_cast<std::uint8_t>(1U << random.below(8));
                break;
            case 1:
                data[at] = interesting[random.below(sizeof(interesting))];
                break;
            case 2:
                data[at] = static_cast<std::uint8_t>(random.next());
                break;
            case 3:
                data.erase(position);
                break;
            case 4:
                data.insert(position, static_cast<std::uint8_t>(random.next()));
                break;
            default:
                data.resize(at);
                break;
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fprintf(stderr, "usage: %s ROUNDS FOLDER...\n", argv[0]);
        return 64;
    }
    std::vector<piv::Bytes> seeds;
    for (int i = 2; i < argc; ++i) {
        auto names = piv::list_folder(argv[i], "");
        for (const std::string& name : names ? *names : std::vector<std::string>()) {
            auto content = piv::read_file(std::string(argv[i]) + "/" + name, 65536);
            if (content) {
                seeds.push_back(std::move(content).value());
            }
        }
    }
    if (seeds.empty()) {
        std::printf("skipped: no seeds in the given folders\n");
        return 77;
    }
    for (const piv::Bytes& seed : seeds) {
        (void)LLVMFuzzerTestOneInput(seed.data(), seed.size());
    }
    Random random;
    const long rounds = std::stol(argv[1]);
    for (long i = 0; i < rounds; ++i) {
        piv::Bytes data = seeds[random.below(seeds.size())];
        mutate(data, random);
        (void)LLVMFuzzerTestOneInput(data.data(), data.size());
    }
    std::printf("%ld mutations of %zu seeds\n", rounds, seeds.size());
    return 0;
}
