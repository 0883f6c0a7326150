package dev.gyre.deploy.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class JobDataTest {
  @TempDir Path folder;

  @Test
  void theUsersCacheIsWhereTheDesktopSpecificationSays() throws Exception {
    assertEquals(Path.of("/c/gyre/data"), JobData.userCache("/c", "/home/anna"));
    Path home = Files.createDirectory(folder.resolve("home"));
    assertEquals(home.resolve(".cache/gyre/data"), JobData.userCache(null, home.toString()));
    assertEquals(home.resolve(".cache/gyre/data"), JobData.userCache("relative", home.toString()));
    Path temporary = Path.of(System.getProperty("java.io.tmpdir"));
    for (String none : new String[] {"?", "/no/such/home"}) {
      Path cache = JobData.userCache(null, none);
      assertTrue(cache.startsWith(temporary), cache.toString());
      assertFalse(cache.toString().contains("?"), cache.toString());
    }
  }
}
