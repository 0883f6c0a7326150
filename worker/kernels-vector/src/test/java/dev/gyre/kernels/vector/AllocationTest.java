package dev.gyre.kernels.vector;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.conformance.ForkedJvm;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Once compiled, no kernel allocates; checked in a new JVM, which has not seen the suite's many
 * shapes.
 */
class AllocationTest {
  @ParameterizedTest
  @CsvSource({"F32,1", "BF16,1", "F32,2", "BF16,2"})
  void warmKernelsAllocateNothing(String dtype, String threads) throws Exception {
    List<String> lines =
        ForkedJvm.run(
            AllocationProbe.class, List.of(dtype, threads), "--add-modules=jdk.incubator.vector");
    assertEquals(14, lines.size(), lines::toString);
    for (String line : lines) {
      assertTrue(line.endsWith(" 0"), "bytes in 100 calls: " + lines);
    }
  }
}
