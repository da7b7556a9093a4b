// docs/formats/record.md is true: its examples, its numbers and its tables are those of the code.
#include <fstream>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "record/commitment.h"
#include "record/otel_mapping.h"
#include "record/request_id.h"
#include "record/testing.h"
#include "wire/json.h"
#include "wire/sha256.h"

namespace beleg::record {
namespace {

using Names = std::set<std::string>;

const std::string& Document() {
  static const std::string text = [] {
    std::ifstream file(BELEG_SOURCE_DIR "/docs/formats/record.md");
    std::stringstream content;
    content << file.rdbuf();
    return content.str();
  }();
  return text;
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// What stands under a heading, up to the next one.
std::string Section(const std::string& heading) {
  std::string section;
  bool inside = false;
  for (const std::string& line : Lines(Document())) {
    if (line.starts_with('#')) inside = line.substr(line.find(' ') + 1) == heading;
    if (inside) section += line + "\n";
  }
  EXPECT_NE(section, "") << "no heading " << heading;
  return section;
}

// The lines of the document's fenced blocks of one language.
std::vector<std::string> Blocks(const std::string& language) {
  std::vector<std::string> lines;
  bool inside = false;
  for (const std::string& line : Lines(Document())) {
    if (line.starts_with("```")) {
      inside = line == "```" + language;
    } else if (inside) {
      lines.push_back(line);
    }
  }
  return lines;
}

// The first word in backticks of each cell in one column of a section's tables of so many columns.
Names Column(const std::string& section, size_t column, size_t columns) {
  Names names;
  for (const std::string& line : Lines(section)) {
    std::vector<std::string> cells;
    std::istringstream in(line);
    for (std::string cell; std::getline(in, cell, '|');) cells.push_back(cell);
    if (!line.starts_with("| ") || cells.size() != columns + 1) continue;
    std::string cell = cells[column + 1];
    size_t from = cell.find('`'), to = cell.find('`', from + 1);
    if (from != cell.npos) names.insert(cell.substr(from + 1, to - from - 1));
  }
  return names;
}

Names MembersOf(const wire::Json& object) {
  Names names;
  for (const auto& member : object.as_object()) names.insert(member.first);
  return names;
}

TEST(RecordDocument, ExamplesAreTheSampleRecords) {
  std::vector<std::string> examples = Blocks("json");
  std::vector<std::string> samples = {Encode(SampleRecord(FullRequest())),
                                      Encode(SampleRecord(HoldOfRequest()))};
  for (const AuditRecord& record : SampleRecords()) samples.push_back(Encode(record));
  EXPECT_THAT(examples, testing::UnorderedElementsAreArray(samples));
}

TEST(RecordDocument, ExamplesAreCanonicalRecords) {
  for (const std::string& line : Blocks("json")) {
    auto record = Decode(line);
    ASSERT_TRUE(record) << record.error().message << "\n" << line;
    EXPECT_EQ(Encode(*record), line);
  }
}

TEST(RecordDocument, TablesNameEveryMemberOfEveryType) {
  Names common = Column(Section("Bytes"), 0, 4), of_requests = Column(Section("What one request says"), 0, 4);
  ASSERT_EQ(common, (Names{"boot", "time_us", "type", "v"}));
  ASSERT_EQ(of_requests.size(), 7u);
  Refused refused = std::get<Refused>(SampleRecords()[1].body);
  Lost lost = std::get<Lost>(SampleRecords()[2].body);
  refused.id = lost.id = FullRequest().id;
  std::vector<AuditRecord> records = SampleRecords();
  for (Body body : std::initializer_list<Body>{FullRequest(), HoldOfRequest(), refused, lost})
    records.push_back(SampleRecord(body));
  std::map<std::string, Names> written;
  for (const AuditRecord& record : records) {
    auto json = *wire::Json::Parse(Encode(record));
    written[std::string(TypeName(record.body))].merge(MembersOf(json));
    for (std::string_view nested : {"params", "counters", "gaps"})
      if (const wire::Json* object = json.Find(nested))
        written[std::string(nested)].merge(MembersOf(*object));
  }
  ASSERT_EQ(written.size(), std::variant_size_v<Body> + 3);
  for (const auto& [type, members] : written) {
    Names documented = Column(Section(type), 0, 4);
    bool nested = type == "params" || type == "counters" || type == "gaps";
    if (!nested) documented.insert(common.begin(), common.end());
    if (type == "request" || type == "refused" || type == "lost")
      documented.insert(of_requests.begin(), of_requests.end());
    EXPECT_EQ(documented, members) << type;
  }
}

TEST(RecordDocument, ClosedListsNameEveryWord) {
  for (int i = 1; i <= static_cast<int>(ErrorType::kUpstream); ++i) {
    std::string word = fmt::format("`{}`", Name(static_cast<ErrorType>(i)));
    EXPECT_THAT(Section("What one request says"), testing::HasSubstr(word));
  }
  for (auto outcome : {Outcome::kOk, Outcome::kFailed, Outcome::kCancelled})
    EXPECT_THAT(Section("request"), testing::HasSubstr(fmt::format("`{}`", Name(outcome))));
  for (auto operation : {Operation::kChat, Operation::kTextCompletion})
    EXPECT_THAT(Section("What one request says"), testing::HasSubstr(fmt::format("`{}`", Name(operation))));
}

// "name = value" lines.
std::vector<std::pair<std::string, std::string>> Assignments(const std::string& language) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const std::string& line : Blocks(language))
    if (size_t at = line.find(" = "); at != line.npos)
      out.emplace_back(line.substr(0, at), line.substr(at + 3));
  return out;
}

TEST(RecordDocument, IdsAreThoseOfTheExample) {
  auto ids = Assignments("ids");
  ASSERT_EQ(ids.size(), 5u);
  RequestIdentity identity = SampleIdentity();
  RequestId id = DeriveRequestId(SampleBoot(), identity.seq, identity.trace_id);
  EXPECT_EQ(ids[0].second, id.Hex());
  for (size_t i = 1; i < ids.size(); ++i)
    EXPECT_EQ(ids[i].second, DeriveSpanId(id, ids[i].first).Hex()) << ids[i].first;
}

TEST(RecordDocument, CommitmentIsThatOfTheExample) {
  Secret secret{};
  std::vector<std::map<std::string, std::string>> items;
  Commitment commitment;
  for (const auto& [name, value] : Assignments("commitment")) {
    if (name == "secret") {
      secret = *ToArray<32>(*HexDecode(value));
    } else if (name == "root") {
      commitment.root = *ToArray<32>(*HexDecode(value));
    } else {
      if (name == "path") items.emplace_back();
      items.back()[name] = value;
    }
  }
  ASSERT_EQ(items.size(), 3u);
  commitment.items = 3;
  CommitmentTree tree(secret);
  for (const auto& item : items) tree.Add(item.at("path"), item.at("bytes"));
  EXPECT_EQ(tree.Root(), commitment);
  for (const auto& item : items) {
    Opening opening = *tree.Open(item.at("path"));
    EXPECT_EQ(HexEncode(AsView(opening.salt)), item.at("salt"));
    Hash32 mac = wire::HmacSha256(AsView(opening.salt), item.at("bytes"));
    EXPECT_EQ(HexEncode(AsView(mac)), item.at("mac"));
    EXPECT_EQ(HexEncode(AsView(wire::MerkleLeafHash(*HexDecode(item.at("data"))))), item.at("leaf"));
    EXPECT_TRUE(item.at("data").ends_with(item.at("mac")));
    EXPECT_TRUE(VerifyOpening(commitment, opening, item.at("bytes")));
  }
}

// The attribute names that a request with every member, and a refused one, have.
Names SpanNames(Semconv semconv) {
  auto records = SampleRecords();
  SpanContext context{.origin = "o",
                      .boot_id = SampleBoot(),
                      .boot = &std::get<Boot>(records[3].body),
                      .model = &std::get<Model>(records[6].body),
                      .semconv = semconv};
  Names names;
  for (const auto& record : {SampleRecord(FullRequest()), records[1], records[2]}) {
    auto spans = SpansOf(context, record, 1, {});
    for (const auto& attribute : spans[0].attributes) names.insert(attribute.key);
  }
  return names;
}

TEST(RecordDocument, SpanTableNamesEveryAttribute) {
  std::string section = Section("Spans");
  EXPECT_EQ(Column(section, 0, 4), SpanNames(Semconv::kLatest));
  EXPECT_EQ(Column(section, 1, 4), SpanNames(Semconv::kLegacy));
}

TEST(RecordDocument, ResourceTableNamesEveryAttribute) {
  auto records = SampleRecords();
  SpanContext context{.origin = "o", .boot_id = SampleBoot(), .boot = &std::get<Boot>(records[3].body)};
  for (auto [semconv, column] : {std::pair{Semconv::kLatest, 0u}, {Semconv::kLegacy, 1u}}) {
    context.semconv = semconv;
    Names names;
    auto resource = ResourceOf(context);
    for (const auto& attribute : resource) names.insert(attribute.key);
    EXPECT_EQ(Column(Section("Spans"), column, 3), names);
  }
}

}  // namespace
}  // namespace beleg::record
