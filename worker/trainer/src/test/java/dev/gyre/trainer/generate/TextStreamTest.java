package dev.gyre.trainer.generate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.gyre.trainer.data.Tokenizer;
import dev.gyre.trainer.data.Tokenizers;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Prompt and pieces joined equal the text that all tokens decode to together. */
final class TextStreamTest {
  /**
   * A tokenizer like Llama's: a space before the first word when encoded, dropped again when
   * decoded.
   */
  private static final String LLAMA =
      """
      {"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
       "normalizer": {"type": "Sequence", "normalizers": [
         {"type": "Prepend", "prepend": "_"},
         {"type": "Replace", "pattern": {"String": " "}, "content": "_"}]},
       "pre_tokenizer": null, "post_processor": null,
       "decoder": {"type": "Sequence", "decoders": [
         {"type": "Replace", "pattern": {"String": "_"}, "content": " "},
         {"type": "Fuse"},
         {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
       "model": {"type": "BPE", "dropout": null, "unk_token": "?", "fuse_unk": false,
         "byte_fallback": false, "ignore_merges": false,
         "vocab": {"?": 0, "_": 1, "a": 2, "b": 3, "_a": 4, "_b": 5},
         "merges": ["_ a", "_ b"]}}
      """;

  @TempDir static Path libraryCache;
  @TempDir Path folder;

  private static List<String> pieces(Tokenizer tokenizer, int[] tokens, int promptTokens) {
    TextStream stream = new TextStream(tokenizer, Arrays.copyOf(tokens, promptTokens));
    List<String> pieces = new ArrayList<>();
    for (int t = promptTokens; t < tokens.length; t++) {
      pieces.add(stream.next(tokens[t]));
    }
    pieces.add(stream.rest());
    return pieces;
  }

  private Tokenizer llama() throws IOException {
    System.setProperty("DJL_CACHE_DIR", libraryCache.toString());
    Files.writeString(folder.resolve("tokenizer.json"), LLAMA);
    return Tokenizers.open("tokenizer.json", folder);
  }

  @ParameterizedTest
  @CsvSource({
    "a, 'b a b',  ' b a b'", // the space between prompt and continuation
    "a b, 'a',    ' a'",
    "a, '  b   a', '   b   a'",
  })
  void theSpaceBeforeTheFirstNewWordIsKept(String prompt, String more, String continuation)
      throws IOException {
    try (Tokenizer tokenizer = llama()) {
      int[] start = tokenizer.encode(prompt.getBytes(StandardCharsets.UTF_8));
      int[] all = tokenizer.encode((prompt + " " + more).getBytes(StandardCharsets.UTF_8));
      assertEquals(tokenizer.decode(all), prompt + continuation, "the decoder's own text");
      assertEquals(continuation, String.join("", pieces(tokenizer, all, start.length)));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"b\u00fccher", "\u65e5\u672c\u8a9e", "a\ud83d\ude00b", "e\u0301\n\t "})
  void aPieceNeverEndsWithinACharacter(String text) {
    try (Tokenizer bytes = Tokenizers.open("bytes", folder)) {
      int[] tokens = bytes.encode(("x" + text).getBytes(StandardCharsets.UTF_8));
      List<String> pieces = pieces(bytes, tokens, 1);
      assertEquals(text, String.join("", pieces));
      for (String piece : pieces) {
        assertFalse(piece.contains("\ufffd"), pieces.toString());
      }
    }
  }

  @Test
  void whatIsNoCharacterIsShownWhenItIsKnownToBeNone() {
    try (Tokenizer bytes = Tokenizers.open("bytes", folder)) {
      int[] tokens = {'x', 0xff, 'a', 0xe2, 0x82, 'b', 0xe2, 0x82};
      List<String> pieces = pieces(bytes, tokens, 1);
      assertEquals(List.of("", "\ufffda", "", "", "\ufffdb", "", "", "\ufffd"), pieces);
      assertEquals(bytes.decode(tokens), "x" + String.join("", pieces));
    }
  }

  @Test
  void aPromptMayEndWithinACharacter() {
    try (Tokenizer bytes = Tokenizers.open("bytes", folder)) {
      int[] tokens = bytes.encode("\u20acx".getBytes(StandardCharsets.UTF_8));
      assertEquals("x", String.join("", pieces(bytes, tokens, 3)));
    }
  }

  @Test
  void manyTokensDecodeInPieces() {
    try (Tokenizer bytes = Tokenizers.open("bytes", folder)) {
      String text = "0123456789\u00e4".repeat(1000);
      int[] tokens = bytes.encode(text.getBytes(StandardCharsets.UTF_8));
      assertEquals(text.substring(10), String.join("", pieces(bytes, tokens, 10)));
    }
  }
}
