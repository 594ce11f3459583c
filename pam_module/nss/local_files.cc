#include "pam_module/nss/local_files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "pki/base/fd.h"

namespace piv::nss {

namespace {

// Follows a file octet by octet and keeps the one line that starts with "name:".
class LineFinder {
  public:
    LineFinder(const char* name, std::size_t name_size, char* buffer,
               std::size_t buffer_size) noexcept
        : name_(name), name_size_(name_size), buffer_(buffer), buffer_size_(buffer_size) {}

    // True when the line is over and it was the one.
    bool feed(const char* chunk, std::size_t size) noexcept {
        std::size_t i = 0;
        while (i < size) {
            const char* const end = static_cast<const char*>(memchr(chunk + i, '\n', size - i));
            const std::size_t line_end =
                end != nullptr ? static_cast<std::size_t>(end - chunk) : size;
            while (i < line_end && !no_match_) {
                keep(chunk[i++]);
            }
            i = line_end;
            if (end != nullptr) {
                if (matched()) {
                    return true;
                }
                column_ = 0;
                no_match_ = false;
                ++i;
            }
        }
        return false;
    }
    [[nodiscard]] bool matched() const noexcept { return !no_match_ && column_ > name_size_; }
    // Length of the line.
    [[nodiscard]] std::size_t column() const noexcept { return column_; }

  private:
    void keep(char c) noexcept {
        const bool fits = column_ < name_size_    ? c == name_[column_]
                          : column_ == name_size_ ? c == ':'
                                                  : true;
        if (!fits) {
            no_match_ = true;
            return;
        }
        if (column_ < buffer_size_) {
            buffer_[column_] = c;
        }
        ++column_;
    }
    const char* name_;
    std::size_t name_size_;
    char* buffer_;
    std::size_t buffer_size_;
    std::size_t column_ = 0;
    bool no_match_ = false;
};

}  // namespace

Line find_line(const char* path, const char* name, std::size_t name_size, char* buffer,
               std::size_t buffer_size, std::size_t& used) noexcept {
    const UniqueFd fd(open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!fd.valid()) {
        return errno == ENOENT ? Line::Absent : Line::Failed;
    }
    LineFinder finder(name, name_size, buffer, buffer_size);
    char chunk[4096];
    for (;;) {
        const ssize_t n = read(fd.get(), chunk, sizeof chunk);
        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            return Line::Failed;
        }
        const bool found =
            n > 0 ? finder.feed(chunk, static_cast<std::size_t>(n)) : finder.matched();
        if (found) {
            used = finder.column() + 1;
            if (used > buffer_size) {
                return Line::TooSmall;
            }
            buffer[used - 1] = '\0';
            return Line::Found;
        }
        if (n == 0) {
            return Line::Absent;
        }
    }
}

bool split_fields(char* line, char** fields, std::size_t count) noexcept {
    for (std::size_t i = 0; i < count; ++i) {
        fields[i] = line;
        char* const colon = strchr(line, ':');
        if ((colon == nullptr) != (i + 1 == count)) {
            return false;
        }
        if (colon != nullptr) {
            *colon = '\0';
            line = colon + 1;
        }
    }
    return true;
}

bool parse_number(const char* text, unsigned long max, unsigned long& out) noexcept {
    if (*text == '\0') {
        return false;
    }
    unsigned long value = 0;
    for (; *text != '\0'; ++text) {
        if (*text < '0' || *text > '9' || value > max / 10) {
            return false;
        }
        value = value * 10 + static_cast<unsigned long>(*text - '0');
    }
    out = value;
    return value <= max;
}

}  // namespace piv::nss
