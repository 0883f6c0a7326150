package dev.gyre.trainer.data;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.net.Proxy;
import java.net.URL;
import java.net.URLConnection;
import java.net.URLStreamHandler;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * When its first class is loaded, the tokenizer's library would query a cloud's metadata service
 * and report its use: hence this test uses a new JVM.
 */
final class TokenizerCallsNobodyTest {
  @TempDir Path folder;

  @Test
  void nothingIsAskedOverTheNetwork() throws Exception {
    Path file = folder.resolve("tokenizer.json");
    Files.writeString(file, HuggingFaceFileTokenizerTest.WORDS);
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            System.getProperty("java.class.path"),
            Opens.class.getName(),
            file.toString());
    builder.redirectError(ProcessBuilder.Redirect.DISCARD);
    builder.environment().put("GYRE_CACHE", folder.toString());
    Process process = builder.start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals("opened\n", said);
    assertEquals(0, process.waitFor());
  }

  /** Opens a tokenizer, and prints every URL that is requested meanwhile. */
  static final class Opens {
    private Opens() {}

    public static void main(String[] args) {
      URL.setURLStreamHandlerFactory(protocol -> protocol.startsWith("http") ? new Tells() : null);
      Tokenizers.open(args[0], Path.of("")).close();
      System.out.println("opened");
    }
  }

  /** Prints the URL instead of opening a connection. */
  private static final class Tells extends URLStreamHandler {
    @Override
    protected URLConnection openConnection(URL url) throws IOException {
      System.out.println("asked " + url);
      throw new IOException("no network");
    }

    @Override
    protected URLConnection openConnection(URL url, Proxy proxy) throws IOException {
      return openConnection(url);
    }
  }
}
