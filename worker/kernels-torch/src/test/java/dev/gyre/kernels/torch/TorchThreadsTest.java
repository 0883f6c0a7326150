package dev.gyre.kernels.torch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Tensors;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

class TorchThreadsTest {
  private final TorchBackendProvider provider = new TorchBackendProvider();

  /** How the names of the JVM's own threads begin: its compilers work beside any test. */
  private static final List<String> OF_THE_JVM = List.of("C1 ", "C2 ", "G1 ", "GC ", "VM ");

  /** Clock ticks of CPU time of every thread of this process but the JVM's own. */
  private static Map<String, Long> cpuTicks() throws IOException {
    Map<String, Long> ticks = new HashMap<>();
    try (Stream<Path> tasks = Files.list(Path.of("/proc/self/task"))) {
      for (Path task : tasks.toList()) {
        String stat = Files.readString(task.resolve("stat"));
        String name = stat.substring(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
        if (OF_THE_JVM.stream().noneMatch(name::startsWith)) {
          String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
          ticks.put(
              task.getFileName().toString(),
              Long.parseLong(fields[11]) + Long.parseLong(fields[12]));
        }
      }
    }
    return ticks;
  }

  /** Products in f32 go through the BLAS, those in bf16 through oneDNN, sums through libtorch. */
  @Test
  @EnabledOnOs(OS.LINUX)
  void oneThreadMeansTheCallingThread() throws Exception {
    try (Arena arena = Arena.ofConfined();
        Backend backend = provider.open(1)) {
      assertEquals(1, torch.get_num_threads());
      Tensor wide = Tensors.zeros(arena, DType.F32, 768, 768);
      Tensor half = Tensors.zeros(arena, DType.BF16, 768, 768);
      Tensor sum = Tensors.zeros(arena, DType.F64, 1);
      String me = Files.readSymbolicLink(Path.of("/proc/thread-self")).getFileName().toString();
      Runnable work =
          () -> {
            backend.kernels().linear(wide, wide, wide, false);
            backend.kernels().linear(half, half, half, false);
            backend.kernels().sumSquares(wide, sum);
          };
      work.run();
      Map<String, Long> before = cpuTicks();
      long mine = 0;
      // Until this thread has used a second of CPU time, however loaded the machine is.
      while (mine < 100) {
        work.run();
        mine = cpuTicks().getOrDefault(me, 0L) - before.getOrDefault(me, 0L);
      }
      Map<String, Long> after = cpuTicks();
      long others = 0;
      for (Map.Entry<String, Long> thread : after.entrySet()) {
        if (!thread.getKey().equals(me)) {
          others = Math.max(others, thread.getValue() - before.getOrDefault(thread.getKey(), 0L));
        }
      }
      // A second kernel thread would use as much as this one.
      assertTrue(others < mine / 2, others + " ticks of another thread beside " + mine);
    }
  }

  @Test
  void takesAsManyAsItIsGiven() {
    provider.open(2).close();
    assertEquals(2, torch.get_num_threads());
    provider.open(1).close();
    assertEquals(1, torch.get_num_threads());
  }
}
