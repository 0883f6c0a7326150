package dev.gyre.trainer.data;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A Hugging Face {@code tokenizer.json}, executed by the original Rust library through DJL. */
final class HuggingFaceFileTokenizer implements Tokenizer {
  /** System property that selects the build of the native library. */
  private static final String FLAVOR = "RUST_FLAVOR";

  private final HuggingFaceTokenizer tokenizer;
  private final String id;
  private final int vocabSize;

  private HuggingFaceFileTokenizer(HuggingFaceTokenizer tokenizer, String id, int vocabSize) {
    this.tokenizer = tokenizer;
    this.id = id;
    this.vocabSize = vocabSize;
  }

  /** Loads the native library, which happens once per process. */
  static HuggingFaceFileTokenizer open(Path file) {
    byte[] json;
    try {
      json = Files.readAllBytes(file);
    } catch (IOException e) {
      throw new DataException(
          "dataset.tokenizer: cannot read "
              + file.toAbsolutePath().normalize()
              + "; name a tokenizer.json, or use bytes",
          e);
    }
    int vocabSize = vocabSize(file, json);
    String id = "tokenizer.json:" + HexFormat.of().formatHex(Hashing.sha256().digest(json));
    return new HuggingFaceFileTokenizer(load(file, json), id, vocabSize);
  }

  private static HuggingFaceTokenizer load(Path file, byte[] json) {
    Map<String, String> plain =
        Map.of("addSpecialTokens", "false", "truncation", "false", "padding", "false");
    if (System.getenv(FLAVOR) == null && System.getProperty(FLAVOR) == null) {
      // Otherwise the library would download another build of itself on a machine with a GPU.
      System.setProperty(FLAVOR, "cpu");
    }
    try {
      return HuggingFaceTokenizer.newInstance(new ByteArrayInputStream(json), plain);
    } catch (LinkageError e) {
      throw nativeMissing(e);
    } catch (IOException | RuntimeException e) {
      if (e.getClass().getName().endsWith("EngineException")) {
        throw nativeMissing(e);
      }
      throw new DataException(
          "dataset.tokenizer: " + file + " is no tokenizer the library can read: " + e.getMessage(),
          e);
    }
  }

  private static DataException nativeMissing(Throwable e) {
    return new DataException(
        "dataset.tokenizer: the native tokenizer library cannot be loaded here ("
            + e.getMessage()
            + "); let DJL_CACHE_DIR name a writable folder, or use tokenizer: bytes",
        e);
  }

  /** The largest id plus one; added tokens may have larger ids than the model's own. */
  private static int vocabSize(Path file, byte[] json) {
    JsonNode root;
    try {
      root = JsonMapper.shared().readTree(json);
    } catch (JacksonException e) {
      throw new DataException(
          "dataset.tokenizer: " + file + " is not JSON: " + e.getOriginalMessage(), e);
    }
    JsonNode vocab = root.path("model").path("vocab");
    if (!vocab.isObject() && !vocab.isArray()) {
      throw new DataException(
          "dataset.tokenizer: "
              + file
              + " has no model.vocab; is it a Hugging Face tokenizer.json?");
    }
    int size = vocab.isArray() ? vocab.size() : 0;
    if (vocab.isObject()) {
      for (JsonNode entry : vocab.values()) {
        size = Math.max(size, entry.intValue() + 1);
      }
    }
    for (JsonNode added : root.path("added_tokens").values()) {
      size = Math.max(size, added.path("id").intValue() + 1);
    }
    return size;
  }

  @Override
  public int vocabSize() {
    return vocabSize;
  }

  @Override
  public String id() {
    return id;
  }

  @Override
  public int[] encode(byte[] utf8) {
    long[] ids = tokenizer.encode(new String(utf8, StandardCharsets.UTF_8), false, false).getIds();
    int[] tokens = new int[ids.length];
    for (int i = 0; i < ids.length; i++) {
      tokens[i] = Math.toIntExact(ids[i]);
    }
    return tokens;
  }

  @Override
  public String decode(int[] tokens) {
    long[] ids = new long[tokens.length];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = tokens[i];
    }
    return tokenizer.decode(ids, false);
  }

  @Override
  public void close() {
    tokenizer.close();
  }
}
