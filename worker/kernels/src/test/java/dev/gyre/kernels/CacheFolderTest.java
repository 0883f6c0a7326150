package dev.gyre.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class CacheFolderTest {
  @Test
  void theFirstThatIsNamedCounts() {
    Map<String, String> all =
        Map.of("GYRE_CACHE", "/own", "XDG_CACHE_HOME", "/caches", "HOME", "/home/x");
    assertEquals(Path.of("/own"), CacheFolder.of(all, "/home/passwd"));
    assertEquals(
        Path.of("/caches/gyre"),
        CacheFolder.of(Map.of("XDG_CACHE_HOME", "/caches", "HOME", "/home/x"), "/home/passwd"));
    assertEquals(
        Path.of("/home/x/.cache/gyre"), CacheFolder.of(Map.of("HOME", "/home/x"), "/home/passwd"));
    assertEquals(Path.of("/home/passwd/.cache/gyre"), CacheFolder.of(Map.of(), "/home/passwd"));
  }

  @Test
  void withoutAHomeItIsATemporaryFolder() {
    for (String none : new String[] {"?", "/"}) {
      Path cache = CacheFolder.of(Map.of(), none);
      assertEquals(Path.of(System.getProperty("java.io.tmpdir")), cache.getParent());
      assertTrue(cache.getFileName().toString().startsWith("gyre-"), cache.toString());
    }
  }

  @Test
  void aRelativeFolderNamesNothing() {
    assertEquals(
        Path.of("/home/passwd/.cache/gyre"),
        CacheFolder.of(Map.of("XDG_CACHE_HOME", "relative"), "/home/passwd"));
  }

  @Test
  void anEmptyVariableNamesNothing() {
    Map<String, String> empty = Map.of("GYRE_CACHE", "", "XDG_CACHE_HOME", "", "HOME", "");
    assertEquals(Path.of("/home/passwd/.cache/gyre"), CacheFolder.of(empty, "/home/passwd"));
  }
}
