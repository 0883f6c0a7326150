package dev.gyre.trainer.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class TerminationSignalTest {
  private final List<Integer> exits = new ArrayList<>();
  private final BlockingQueue<String> reports = new LinkedBlockingQueue<>();
  private final TerminationSignal signal = new TerminationSignal(exits::add);

  @Test
  void aWorkerWithoutACoordinatorEnds() {
    signal.received();
    assertEquals(List.of(143), exits);
  }

  @Test
  void itIsReportedOnceHoweverOftenItComesAndTheWorkerGoesOn() throws Exception {
    signal.reportTo(() -> reports.add("preempted"));
    for (int times = 0; times < 10; times++) {
      signal.received();
    }
    assertEquals("preempted", reports.poll(20, TimeUnit.SECONDS));
    assertNull(reports.poll(50, TimeUnit.MILLISECONDS));
    assertEquals(List.of(), exits);
  }
}
