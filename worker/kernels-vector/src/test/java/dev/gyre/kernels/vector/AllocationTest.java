package dev.gyre.kernels.vector;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Once compiled, no kernel allocates; in a JVM that has not seen the suite's many shapes. */
class AllocationTest {
  @ParameterizedTest
  @ValueSource(strings = {"F32", "BF16"})
  void warmKernelsAllocateNothing(String dtype) throws Exception {
    List<String> lines =
        ForkedJvm.run(AllocationProbe.class, dtype, "--add-modules=jdk.incubator.vector");
    assertEquals(10, lines.size(), lines::toString);
    for (String line : lines) {
      assertTrue(line.endsWith(" 0"), "bytes in 100 calls: " + lines);
    }
  }
}
