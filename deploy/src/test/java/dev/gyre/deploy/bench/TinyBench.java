package dev.gyre.deploy.bench;

import dev.gyre.kernels.workload.ForkTimes;
import java.util.List;

/** Main class of the process of {@link KernelsBenchTest}: prints how it was started. */
final class TinyBench {
  private TinyBench() {}

  public static void main(String[] args) {
    if (args[0].equals("failing")) {
      System.exit(3);
    }
    say(List.of(args[0], args[1], args[2], args[3], args[5], args[6]).toString());
    say(System.getenv("OMP_NUM_THREADS") + " thread");
  }

  private static void say(String text) {
    System.out.println(new ForkTimes("none", text, 1, 1, List.of(1.0), List.of(1.0)).line());
  }
}
