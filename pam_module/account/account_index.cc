#include "pam_module/account/account_index.h"

#include <algorithm>
#include <map>
#include <set>

#include "pam_module/account/names.h"
#include "pam_module/nss/database_format.h"
#include "pki/config/rooted_file.h"

namespace piv {

namespace {

void put16(Bytes& out, std::size_t value) {
    out.push_back(static_cast<std::uint8_t>(value & 0xFFU));
    out.push_back(static_cast<std::uint8_t>(value >> 8U));
}

void put32(Bytes& out, std::size_t value) {
    put16(out, value & 0xFFFFU);
    put16(out, (value >> 16U) & 0xFFFFU);
}

void set32(Bytes& out, std::size_t at, std::size_t value) {
    for (std::size_t i = 0; i < 4; ++i) {
        out[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
    }
}

struct Slot {
    std::uint32_t hash;
    std::size_t offset;
};

// Open addressing at half full at most, with the first slots again at the end (kSlotGroup).
void put_table(Bytes& out, const std::vector<Slot>& entries, std::size_t slots) {
    std::vector<Slot> table(slots, Slot{0, 0});
    for (const Slot& entry : entries) {
        std::size_t at = entry.hash & (slots - 1);
        while (table[at].offset != 0) {
            at = (at + 1) & (slots - 1);
        }
        table[at] = entry;
    }
    for (std::size_t i = 0; i < slots + nss::kSlotGroup - 1; ++i) {
        put32(out, table[i & (slots - 1)].hash);
        put32(out, table[i & (slots - 1)].offset);
    }
}

std::size_t table_size(std::size_t entries) {
    std::size_t slots = nss::kMinSlots;
    while (slots < entries * 2 + 1) {
        slots *= 2;
    }
    return slots;
}

std::uint32_t hash_of(const std::string& name) {
    return nss::name_hash(name.data(), name.size());
}

void put_record(Bytes& out, nss::RecordType type, std::uint32_t uid, std::uint32_t gid,
                const std::vector<std::string>& texts) {
    std::size_t size = nss::kRecordHeader;
    for (const std::string& text : texts) {
        size += text.size() + 1;
    }
    out.push_back(static_cast<std::uint8_t>(type));
    out.push_back(0);
    put16(out, size);
    put32(out, uid);
    put32(out, gid);
    for (const std::string& text : texts) {
        put16(out, text.size());
    }
    for (const std::string& text : texts) {
        out.insert(out.end(), text.begin(), text.end());
        out.push_back(0);
    }
}

struct Aliases {
    std::vector<std::pair<std::string, std::string>> names;  // alias, target
    std::vector<std::string> warnings;
};

// The UPNs and the e-mail-like names of the map's own lines. Names by mapping.domain need no record.
Aliases aliases_of(const AccountMap& map, const LocalNames& local, const std::string& map_name) {
    std::set<std::string> known;
    for (const LocalAccount& a : map.accounts) {
        known.insert(a.name);
    }
    for (const auto& user : local.users) {
        known.insert(user.name);
    }
    Aliases out;
    std::map<std::string, std::string> seen;
    for (const MapLine& line : map.lines) {
        const std::string place = map_name + ":" + std::to_string(line.line);
        if (known.count(line.user) == 0) {
            out.warnings.push_back(place + ": '" + line.user +
                                   "' is neither in this map nor in /etc/passwd");
            continue;
        }
        if (line.kind != MapKind::Upn || line.value == line.user) {
            continue;
        }
        const auto [at, fresh] = seen.emplace(line.value, line.user);
        if (fresh) {
            out.names.emplace_back(line.value, line.user);
        } else if (at->second != line.user) {
            out.warnings.push_back(place + ": '" + line.value + "' stays the alias of '" +
                                   at->second + "'");
        }
    }
    return out;
}

Status check_collisions(const AccountMap& map, const LocalNames& local, const std::string& map_name,
                        std::vector<std::string>& warnings) {
    std::set<std::string> users;
    std::set<std::string> groups;
    std::set<unsigned long> uids;
    std::set<unsigned long> gids;
    for (const auto& e : local.users) {
        users.insert(e.name);
        uids.insert(e.id);
    }
    for (const auto& e : local.groups) {
        groups.insert(e.name);
        gids.insert(e.id);
    }
    for (const LocalAccount& a : map.accounts) {
        const bool own_group = a.uid == a.gid;
        const std::string place = map_name + ":" + std::to_string(a.line) + ": ";
        if (users.count(a.name) != 0 || (own_group && groups.count(a.name) != 0)) {
            return Error(ErrorCode::AccountCollision,
                         place + "the name '" + a.name + "' is in /etc/" +
                             (users.count(a.name) != 0 ? "passwd" : "group") + " already");
        }
        if (uids.count(a.uid) != 0 || (own_group && gids.count(a.gid) != 0)) {
            return Error(ErrorCode::AccountCollision,
                         place + "the id " + std::to_string(a.uid) + " is in /etc/" +
                             (uids.count(a.uid) != 0 ? "passwd" : "group") + " already");
        }
        if (!own_group && gids.count(a.gid) == 0) {
            warnings.push_back(place + "no group has the id " + std::to_string(a.gid));
        }
    }
    return {};
}

Result<Bytes> domains_of(const MappingSettings& settings) {
    Bytes out;
    for (const Domain& d : settings.domains) {
        for (const std::string& text : {d.dns, d.netbios}) {
            if (text.size() > nss::kMaxName) {
                return Error(ErrorCode::BadConfig, "mapping.domain: '" + text + "' is too long");
            }
            out.push_back(static_cast<std::uint8_t>(text.size()));
            out.insert(out.end(), text.begin(), text.end());
        }
    }
    if (out.size() > nss::kMaxDomains) {
        return Error(ErrorCode::BadConfig, "mapping.domain: too many domains");
    }
    return out;
}

/// The records of the file and where each will stand.
struct Records {
    Bytes bytes;
    std::vector<std::size_t> order;  // offsets of accounts by uid
    std::vector<Slot> names;
    std::vector<Slot> ids;
};

Records records_of(const AccountMap& map, const Aliases& aliases, std::size_t start) {
    Records out;
    std::vector<const LocalAccount*> accounts;
    for (const LocalAccount& a : map.accounts) {
        accounts.push_back(&a);
    }
    std::sort(accounts.begin(), accounts.end(),
              [](const LocalAccount* a, const LocalAccount* b) { return a->uid < b->uid; });
    for (const LocalAccount* a : accounts) {
        const std::size_t offset = start + out.bytes.size();
        put_record(out.bytes, nss::RecordType::Account, a->uid, a->gid,
                   {a->name, a->gecos, a->home, a->shell});
        out.order.push_back(offset);
        out.names.push_back({hash_of(a->name), offset});
        out.ids.push_back({nss::id_hash(a->uid), offset});
    }
    for (const auto& [alias, target] : aliases.names) {
        out.names.push_back({hash_of(alias), start + out.bytes.size()});
        put_record(out.bytes, nss::RecordType::Alias, 0, 0, {alias, target, "", ""});
    }
    return out;
}

}  // namespace

Result<LocalNames> read_local_names(const std::string& root) {
    LocalNames out;
    for (const bool users : {true, false}) {
        const char* const path = users ? "/etc/passwd" : "/etc/group";
        const auto content = read_rooted(root, path, kMaxAccountMap);
        if (!content) {
            if (content.code() == ErrorCode::FileNotFound) {
                continue;
            }
            return content.error();
        }
        std::string_view text = ByteView(*content).text();
        while (!text.empty()) {
            const std::size_t end = std::min(text.find('\n'), text.size());
            const std::string_view line = text.substr(0, end);
            text.remove_prefix(std::min(end + 1, text.size()));
            const std::size_t name_end = line.find(':');
            const std::size_t id_start = line.find(':', name_end + 1);
            if (name_end == std::string_view::npos || id_start == std::string_view::npos) {
                continue;
            }
            unsigned long id = 0;
            for (std::size_t i = id_start + 1; i < line.size() && line[i] >= '0' && line[i] <= '9';
                 ++i) {
                id = id * 10 + static_cast<unsigned long>(line[i] - '0');
            }
            (users ? out.users : out.groups).push_back({std::string(line.substr(0, name_end)), id});
        }
    }
    return out;
}

Result<CompiledIndex> compile_account_index(const AccountMap& map, const LocalNames& local,
                                            const MappingSettings& settings,
                                            const std::string& map_name) {
    CompiledIndex out;
    if (Status s = check_collisions(map, local, map_name, out.warnings); !s) {
        return std::move(s).error();
    }
    const auto domains = domains_of(settings);
    if (!domains) {
        return domains.error();
    }
    Aliases aliases = aliases_of(map, local, map_name);
    const std::size_t count = map.accounts.size();
    const std::size_t name_slots = table_size(count + aliases.names.size());
    const std::size_t id_slots = table_size(count);
    const std::size_t order_at = nss::kHeaderSize;
    const std::size_t names_at = order_at + 4 * count;
    const std::size_t ids_at = names_at + (name_slots + nss::kSlotGroup - 1) * nss::kSlotSize;
    const std::size_t domains_at = ids_at + (id_slots + nss::kSlotGroup - 1) * nss::kSlotSize;
    const Records records = records_of(map, aliases, domains_at + domains->size());
    Bytes& bytes = out.content;
    bytes.assign(nss::kMagic, nss::kMagic + 8);
    const std::size_t file_size = domains_at + domains->size() + records.bytes.size();
    if (file_size > 0x7FFFFFFFU) {
        return Error(ErrorCode::BadConfig, map_name + ": too many accounts");
    }
    for (const std::size_t field :
         {file_size, count, order_at, name_slots, names_at, id_slots, ids_at, domains_at,
          domains->size(), std::size_t{settings.uid_min}}) {
        put32(bytes, field);
    }
    bytes.resize(nss::kHeaderSize);
    for (const std::size_t offset : records.order) {
        put32(bytes, offset);
    }
    put_table(bytes, records.names, name_slots);
    put_table(bytes, records.ids, id_slots);
    bytes.insert(bytes.end(), domains->begin(), domains->end());
    bytes.insert(bytes.end(), records.bytes.begin(), records.bytes.end());
    const std::uint64_t checksum =
        nss::fnv1a64(bytes.data() + nss::kHeaderSize, bytes.size() - nss::kHeaderSize);
    set32(bytes, 48, static_cast<std::size_t>(checksum & 0xFFFFFFFFU));
    set32(bytes, 52, static_cast<std::size_t>(checksum >> 32U));
    out.accounts = count;
    out.aliases = aliases.names.size();
    out.warnings.insert(out.warnings.end(), aliases.warnings.begin(), aliases.warnings.end());
    return out;
}

}  // namespace piv
