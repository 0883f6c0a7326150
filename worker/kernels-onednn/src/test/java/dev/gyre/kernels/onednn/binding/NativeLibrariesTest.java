package dev.gyre.kernels.onednn.binding;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NativeLibrariesTest {
  private static final String SMALL = "org/bytedeco/dnnl/linux-x86_64/libgomp.so.1";
  private static final long SMALL_BYTES = 298_776;

  @Test
  void unpacksOnceAndRepairsWhatIsCutShort(@TempDir Path folder) throws IOException {
    Path target = folder.resolve("libgomp.so.1");
    assertEquals(target, NativeLibraries.unpacked(SMALL, target));
    assertEquals(SMALL_BYTES, Files.size(target));

    var written = Files.getLastModifiedTime(target);
    NativeLibraries.unpacked(SMALL, target);
    assertEquals(written, Files.getLastModifiedTime(target), "written again though it was there");

    Files.write(target, new byte[100]);
    NativeLibraries.unpacked(SMALL, target);
    assertEquals(SMALL_BYTES, Files.size(target));
    try (Stream<Path> files = Files.list(folder)) {
      assertEquals(List.of(target), files.toList(), "leftovers beside the library");
    }
  }

  @Test
  void missingResourceIsNamed(@TempDir Path folder) {
    OneDnnException e =
        assertThrows(
            OneDnnException.class,
            () -> NativeLibraries.unpacked("org/bytedeco/dnnl/none", folder.resolve("none")));
    assertEquals("oneDNN's org/bytedeco/dnnl/none is not on the class path", e.getMessage());
  }

  @Test
  void aCacheThatCannotBeWrittenSaysWhatToSet(@TempDir Path folder) throws IOException {
    Path file = Files.createFile(folder.resolve("file"));
    OneDnnException e = assertThrows(OneDnnException.class, () -> NativeLibraries.load(file));
    String message = String.valueOf(e.getMessage());
    assertTrue(message.startsWith("oneDNN not unpacked: " + file), message);
    assertTrue(message.endsWith("; name a folder with GYRE_CACHE"), message);
    assertTrue(!message.contains("\n"), message);
  }
}
