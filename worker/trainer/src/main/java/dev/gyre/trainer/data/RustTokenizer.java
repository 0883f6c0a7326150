package dev.gyre.trainer.data;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import dev.gyre.kernels.CacheFolder;
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
  /**
   * What DJL reads from the environment, or from system properties, when its first class is loaded.
   * It would report its use, after it asked a cloud's metadata service where it runs; download
   * another build of its library where it sees a GPU; and unpack that library elsewhere.
   */
  private static final Map<String, String> LIBRARY_SETTINGS =
      Map.of(
          "OPT_OUT_TRACKING", "true",
          "ai.djl.offline", "true",
          "RUST_FLAVOR", "cpu",
          "DJL_CACHE_DIR", CacheFolder.ofUser().resolve("djl").toString());

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
    LIBRARY_SETTINGS.forEach(RustTokenizer::setUnlessSet);
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

  private static void setUnlessSet(String name, String value) {
    if (System.getenv(name) == null && System.getProperty(name) == null) {
      System.setProperty(name, value);
    }
  }

  private static DataException nativeMissing(Throwable e) {
    return new DataException(
        "dataset.tokenizer: the native tokenizer library cannot be loaded here ("
            + e.getMessage()
            + "); name a writable folder with "
            + CacheFolder.VARIABLE
            + ", or use tokenizer: bytes",
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
