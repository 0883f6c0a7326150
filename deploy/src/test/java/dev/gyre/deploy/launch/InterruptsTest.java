package dev.gyre.deploy.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.ExitCode;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class InterruptsTest {
  private static Interrupts.Reaction into(List<String> heard) {
    return new Interrupts.Reaction() {
      @Override
      public void checkpointAndStop() {
        heard.add("checkpoint and stop");
      }

      @Override
      public void stopNow() {
        heard.add("stop now");
      }

      @Override
      public void preempted() {
        heard.add("preempted");
      }
    };
  }

  private final List<String> heard = new ArrayList<>();
  private final Interrupts interrupts = new Interrupts(code -> heard.add("exit " + code.code()));

  @Test
  void eachCtrlCIsMoreUrgent() {
    interrupts.connect(into(heard));
    interrupts.interrupt();
    interrupts.terminate();
    interrupts.interrupt();
    interrupts.interrupt();
    assertEquals(List.of("checkpoint and stop", "preempted", "stop now", "exit 130"), heard);
  }

  @Test
  void whatComesBeforeTheRunIsPassedOnToIt() {
    interrupts.terminate();
    interrupts.terminate();
    assertEquals(List.of(), heard);
    interrupts.connect(into(heard));
    assertEquals(List.of("preempted"), heard);

    List<String> other = new ArrayList<>();
    Interrupts earlyCtrlC = new Interrupts(code -> other.add("exit " + code.code()));
    earlyCtrlC.interrupt();
    earlyCtrlC.interrupt();
    earlyCtrlC.connect(into(other));
    assertEquals(List.of("checkpoint and stop", "stop now"), other);
  }

  /** A stopped run is about to print its message and exit: more signals change nothing. */
  @Test
  void aStoppedRunIsNotCutShort() {
    interrupts.connect(into(heard));
    interrupts.terminate();
    interrupts.ended(ExitCode.PREEMPTED);
    for (int times = 0; times < 5; times++) {
      interrupts.terminate();
    }
    interrupts.interrupt();
    assertEquals(List.of("preempted"), heard);
  }

  /** Once a run is done, a signal ends the process without waiting for the rest of its output. */
  @Test
  void afterADoneRunASignalEndsTheProcess() {
    interrupts.connect(into(heard));
    interrupts.ended(ExitCode.DONE);
    interrupts.terminate();
    interrupts.interrupt();
    assertEquals(List.of("exit 143", "exit 130"), heard);
  }

  @Test
  void aRealSignalArrives() throws Exception {
    Process process =
        new ProcessBuilder(
                System.getProperty("java.home") + "/bin/java",
                "-cp",
                System.getProperty("java.class.path"),
                TermCatcher.class.getName())
            .redirectErrorStream(true)
            .start();
    try (BufferedReader output = process.inputReader(StandardCharsets.UTF_8)) {
      assertEquals("ready", output.readLine());
      process.toHandle().destroy();
      assertEquals("preempted", output.readLine());
      assertTrue(process.waitFor(20, TimeUnit.SECONDS));
      assertEquals(7, process.exitValue());
    } finally {
      process.destroyForcibly();
    }
  }

  /** Exits with 7 once {@link Interrupts} has reported SIGTERM. */
  static final class TermCatcher {
    private TermCatcher() {}

    public static void main(String[] args) throws InterruptedException, IOException {
      CountDownLatch told = new CountDownLatch(1);
      List<String> heard =
          new ArrayList<>() {
            @Override
            public boolean add(String what) {
              System.out.println(what);
              told.countDown();
              return super.add(what);
            }
          };
      try (Interrupts interrupts = Interrupts.install()) {
        interrupts.connect(into(heard));
        System.out.println("ready");
        told.await();
      }
      System.exit(7);
    }
  }
}
