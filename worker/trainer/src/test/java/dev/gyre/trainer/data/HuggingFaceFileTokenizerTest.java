package dev.gyre.trainer.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.job.DatasetSpec;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class HuggingFaceFileTokenizerTest {
  @TempDir static Path libraryCache;
  @TempDir Path folder;
  private DataFixture data;

  /** Words, a start token that the post-processor would add, and one added token. */
  static final String WORDS =
      """
      {"version": "1.0", "truncation": null, "padding": null, "normalizer": null,
       "added_tokens": [
         {"id": 7, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false,
          "normalized": false, "special": true}],
       "pre_tokenizer": {"type": "Whitespace"},
       "post_processor": {"type": "TemplateProcessing",
         "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
         "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
         "special_tokens": {"<s>": {"id": "<s>", "ids": [7], "tokens": ["<s>"]}}},
       "decoder": null,
       "model": {"type": "WordLevel", "unk_token": "?",
         "vocab": {"?": 0, "ring": 1, "of": 2, "ranks": 3, "expert": 4}}}
      """;

  @BeforeAll
  static void nativeLibraryGoesToATemporaryFolder() {
    System.setProperty("DJL_CACHE_DIR", libraryCache.toString());
  }

  @BeforeEach
  void open() throws IOException {
    data = new DataFixture(folder);
    data.write("tokenizer.json", WORDS);
  }

  @Test
  void encodesWithoutSpecialTokens() {
    try (Tokenizer words = Tokenizers.open("tokenizer.json", folder)) {
      assertEquals(8, words.vocabSize(), "the added token is the largest");
      byte[] text = "ring of unknown ranks".getBytes(StandardCharsets.UTF_8);
      assertArrayEquals(new int[] {1, 2, 0, 3}, words.encode(text));
      assertEquals("ring of ? ranks", words.decode(new int[] {1, 2, 0, 3}));
      DataException e = assertThrows(DataException.class, () -> words.requireFits(7));
      assertTrue(e.getMessage().contains("8 tokens"), e.getMessage());
    }
  }

  @Test
  void longTextIsNotTruncatedAndFeedsRows() throws IOException {
    String text = "expert ring of ranks ".repeat(2000);
    data.write("docs/a.txt", text);
    data.write("docs/b.txt", "of ring");
    DatasetSpec dataset =
        DataFixture.dataset("best-fit", 0, DataFixture.source("docs", ""))
            .with("tokenizer", "tokenizer.json");
    try (Tokenizer words = Tokenizers.open("tokenizer.json", folder);
        TokenStore store =
            DataPreparation.prepare(dataset, data.places(), words, PrepareListener.NONE)) {
      assertEquals(8002, store.tokens());
      assertEquals(text.length() + 7, store.textBytes());
      Feed feed = Feed.of(store, dataset, 10_000, 1, 0, 1);
      assertEquals((text.length() + 7) / 8002.0, feed.textBytesPerToken(), 1e-9);
      List<InspectedRow.Piece> pieces = feed.inspect(0, words).getFirst().pieces();
      assertTrue(pieces.stream().anyMatch(p -> p.text().equals("of ring")), pieces.toString());
    }
  }

  @Test
  void theIdChangesWithTheFile() throws IOException {
    String before;
    try (Tokenizer words = Tokenizers.open("tokenizer.json", folder)) {
      before = words.id();
    }
    data.write("tokenizer.json", WORDS.replace("expert", "worker"));
    try (Tokenizer words = Tokenizers.open("tokenizer.json", folder)) {
      assertNotEquals(before, words.id());
    }
  }

  @Test
  void filesThatAreNoTokenizersAreRefusedByName() throws IOException {
    assertMessage("cannot read", "gone.json");
    data.write("text.json", "hello");
    assertMessage("text.json is not JSON", "text.json");
    data.write("config.json", "{\"vocab_size\": 7}");
    assertMessage("config.json has no model.vocab", "config.json");
    data.write("odd.json", "{\"model\": {\"type\": \"Odd\", \"vocab\": {\"a\": 0}}}");
    assertMessage("odd.json is no tokenizer the library can read", "odd.json");
  }

  private void assertMessage(String part, String file) {
    DataException e = assertThrows(DataException.class, () -> Tokenizers.open(file, folder));
    assertTrue(e.getMessage().contains(part), e.getMessage());
  }
}
