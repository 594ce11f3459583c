// PcscLink: the real CardLink, one connection of PC/SC-Lite.
#pragma once

#include "pam_module/card/pcsc.h"

namespace piv {

class PcscLink final : public CardLink {
  public:
    /// Takes over the connection `card`. Errors: those of SCardStatus.
    static Result<std::unique_ptr<CardLink>> make(std::shared_ptr<PcscContext> context,
                                                  const ReaderState& reader, SCARDHANDLE card,
                                                  DWORD protocol);
    ~PcscLink() override;
    PcscLink(const PcscLink&) = delete;
    PcscLink& operator=(const PcscLink&) = delete;

    Result<Bytes> transmit(ByteView command, Deadline deadline) override;
    [[nodiscard]] const std::string& reader() const noexcept override { return reader_; }
    [[nodiscard]] ByteView atr() const noexcept override { return atr_; }
    [[nodiscard]] Transmission transmission() const noexcept override {
        return protocol_ == SCARD_PROTOCOL_T0 ? Transmission::T0 : Transmission::T1;
    }
    [[nodiscard]] const ReaderFeatures& features() const noexcept override { return features_; }
    [[nodiscard]] bool shared_with_others() const noexcept override { return shared_; }
    Result<CardState> begin(Deadline deadline) override;
    void end(Release release) noexcept override;
    Status reset(Deadline deadline) override;
    Result<Bytes> control(std::uint32_t code, ByteView input, Deadline deadline) override;

  private:
    PcscLink(std::shared_ptr<PcscContext> context, const ReaderState& reader, SCARDHANDLE card,
             DWORD protocol);
    Status read_atr();
    void read_features();
    Status reconnect(DWORD action);
    [[nodiscard]] Error explain(Error error) const;

    std::shared_ptr<PcscContext> context_;
    const PcscLibrary& library_;
    std::string reader_;
    SCARDHANDLE card_;
    DWORD protocol_;
    bool shared_;
    Bytes atr_;
    ReaderFeatures features_;
    Bytes answer_;
};

/// Control codes out of the answer to GET_FEATURE_REQUEST (PC/SC part 10 section 2.3): triples of
/// tag, length 4, code in big-endian order. What is malformed is left out.
ReaderFeatures features_from_tlv(ByteView answer, std::uint32_t& tlv_properties_code) noexcept;
/// dwMaxAPDUDataSize out of the reader's TLV properties (section 2.6.14, little-endian).
void properties_from_tlv(ByteView answer, ReaderFeatures& features) noexcept;

}  // namespace piv
