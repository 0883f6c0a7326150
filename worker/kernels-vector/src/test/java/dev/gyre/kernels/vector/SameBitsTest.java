package dev.gyre.kernels.vector;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gyre.kernels.conformance.ForkedJvm;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The interpreter and both compilers must give the same bits, or a rerun could differ. */
class SameBitsTest {
  private static final String MODULE = "--add-modules=jdk.incubator.vector";

  @Test
  void interpreterAndCompilersAgree() throws Exception {
    List<String> interpreted = ForkedJvm.run(BitsProbe.class, "1", MODULE, "-Xint");
    assertEquals(17, interpreted.size(), interpreted::toString);
    assertEquals(
        interpreted, ForkedJvm.run(BitsProbe.class, "40", MODULE, "-XX:TieredStopAtLevel=1"), "C1");
    // Compiled in the foreground after few calls, so that the last run certainly uses C2's code.
    assertEquals(
        interpreted,
        ForkedJvm.run(
            BitsProbe.class,
            "200",
            MODULE,
            "-XX:-TieredCompilation",
            "-Xbatch",
            "-XX:CompileThreshold=100"),
        "C2");
  }
}
