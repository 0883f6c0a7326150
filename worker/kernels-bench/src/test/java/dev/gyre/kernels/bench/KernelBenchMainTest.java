package dev.gyre.kernels.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.workload.ForkTimes;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class KernelBenchMainTest {
  @TempDir Path folder;

  @Test
  void measuresTheReferencesAndWhatIsWanted() throws Exception {
    PrintStream out = System.out;
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    try (PrintStream to = new PrintStream(said, true, StandardCharsets.UTF_8)) {
      System.setOut(to);
      KernelBenchMain.main(
          new String[] {
            "vector",
            "cpu",
            "f32",
            "1",
            folder.resolve("jmh.log").toString(),
            "standard",
            "rope",
            "--add-modules",
            "jdk.incubator.vector",
            "--enable-native-access=ALL-UNNAMED"
          });
    } finally {
      System.setOut(out);
    }
    List<ForkTimes> measured =
        said.toString(StandardCharsets.UTF_8).lines().map(ForkTimes::parse).toList();
    assertEquals(
        List.of("memory", "linear", "linear", "rope"),
        measured.stream().map(ForkTimes::kernel).toList());
    for (ForkTimes each : measured) {
      assertEquals(1, each.medians().size());
      double perSecond = Math.max(each.flops(), each.bytes()) / each.medians().getFirst();
      // From an interpreter on a busy machine to more than one core can do.
      assertTrue(perSecond > 1e6 && perSecond < 1e13, each::line);
    }
  }
}
