package dev.gyre.trainer.data;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/**
 * The original Rust library, through DJL. Safe to use from several threads.
 *
 * <p>Only the calls are used that report a failure as an exception: DJL's batch calls end the JVM
 * on one. And only ids are asked for, as the tokens' texts and places take far more memory.
 */
final class RustTokenizer implements AutoCloseable {
  /** Which build of the native library is loaded; read by the library from here. */
  private static final String FLAVOR = "RUST_FLAVOR";

  private static final TokenizersLibrary LIBRARY = TokenizersLibrary.LIB;

  private final HuggingFaceTokenizer tokenizer;
  private final long handle;

  private RustTokenizer(HuggingFaceTokenizer tokenizer) {
    this.tokenizer = tokenizer;
    this.handle = tokenizer.getHandle();
  }

  /**
   * Loads the native library, which happens once per process.
   *
   * @param file for messages
   */
  static RustTokenizer open(Path file, byte[] json) {
    Map<String, String> plain =
        Map.of("addSpecialTokens", "false", "truncation", "false", "padding", "false");
    if (System.getenv(FLAVOR) == null && System.getProperty(FLAVOR) == null) {
      // Where it sees a GPU the library would otherwise download another build of itself.
      System.setProperty(FLAVOR, "cpu");
    }
    try {
      return new RustTokenizer(
          HuggingFaceTokenizer.newInstance(new ByteArrayInputStream(json), plain));
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

  /**
   * Ids of a text, and of which word of the pre-tokenizer each is.
   *
   * @param words rising numbers
   */
  record Words(long[] ids, long[] words) {}

  /**
   * @param text without unpaired surrogates
   * @param template whether the tokenizer's template is put around it
   * @throws DataException if the tokenizer cannot encode it
   */
  long[] ids(String text, boolean template) {
    long encoding = encode(text, template);
    try {
      return LIBRARY.getTokenIds(encoding);
    } finally {
      LIBRARY.deleteEncoding(encoding);
    }
  }

  /**
   * @throws DataException if the tokenizer cannot encode it
   */
  Words words(String text) {
    long encoding = encode(text, false);
    try {
      return new Words(LIBRARY.getTokenIds(encoding), LIBRARY.getWordIds(encoding));
    } finally {
      LIBRARY.deleteEncoding(encoding);
    }
  }

  private long encode(String text, boolean template) {
    try {
      return LIBRARY.encode(handle, text, template);
    } catch (RuntimeException e) {
      throw new DataException("the tokenizer cannot encode this text: " + e.getMessage(), e);
    }
  }

  String decode(long[] ids) {
    return tokenizer.decode(ids, false);
  }

  @Override
  public void close() {
    tokenizer.close();
  }
}
