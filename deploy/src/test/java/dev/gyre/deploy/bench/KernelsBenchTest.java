package dev.gyre.deploy.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.Device;
import dev.gyre.kernels.workload.ForkTimes;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class KernelsBenchTest {
  @TempDir Path folder;

  private List<ForkTimes> run(String backend) throws Exception {
    List<ForkTimes> measured = new ArrayList<>();
    new KernelsBench(backend, Device.parse("cuda:1"), "f32", List.of("rope", "add"), 2, true)
        .run(
            System.getProperty("java.class.path"),
            TinyBench.class.getName(),
            folder,
            measured::add);
    return measured;
  }

  @Test
  void tellsWhatTheProcessMeasured() throws Exception {
    List<ForkTimes> measured = run("some");
    assertEquals("[some, cuda:1, f32, 2, long, rope,add]", measured.getFirst().shape());
    assertEquals("1 thread", measured.getLast().shape());
  }

  @Test
  void aProcessThatFailsIsAnErrorThatNamesItsLog() {
    IOException failed = assertThrows(IOException.class, () -> run("failing"));
    assertTrue(String.valueOf(failed.getMessage()).contains("jmh.log"), failed.getMessage());
    assertTrue(String.valueOf(failed.getMessage()).contains("exit code 3"), failed.getMessage());
  }
}
