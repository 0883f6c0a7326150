package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.layout.TokenRange;
import dev.gyre.partitioning.schedule.AttentionSchedule.Message;
import dev.gyre.partitioning.schedule.AttentionSchedule.Program;
import dev.gyre.partitioning.schedule.AttentionSchedule.Step;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Proves that sends match receives. First the two ends of every channel are compared. Then the
 * programs are simulated against each other without any buffering: a message completes only when
 * both ends have posted it. {@link ScheduleReplay} tracks what each rank holds.
 */
final class MessageProof {
  private final SequenceLayout layout;
  private final SchedulePass phase;
  private final List<Program> programs;
  private final int ring;
  private final ScheduleReplay holdings;

  /** For each ordered pair of ranks, {@code from · ring + to}: what is sent and received. */
  private final List<List<Posted>> sends = new ArrayList<>();

  private final List<List<Posted>> receives = new ArrayList<>();

  /** Per rank: its current step, and how many messages of that step are incomplete. */
  private final int[] step;

  private final int[] waiting;

  /** Per channel: messages posted by the sender, by the receiver, and completed. */
  private final int[] sent;

  private final int[] received;
  private final int[] completed;
  private final ArrayDeque<Integer> ready = new ArrayDeque<>();

  private record Posted(int step, Message message) {}

  MessageProof(
      SequenceLayout layout, SchedulePass phase, List<Program> programs, CoveredRows covered) {
    this.layout = layout;
    this.phase = phase;
    this.programs = programs;
    ring = layout.ring();
    holdings = new ScheduleReplay(layout, phase, covered);
    step = new int[ring];
    waiting = new int[ring];
    sent = new int[ring * ring];
    received = new int[ring * ring];
    completed = new int[ring * ring];
    for (int channel = 0; channel < ring * ring; channel++) {
      sends.add(new ArrayList<>());
      receives.add(new ArrayList<>());
    }
  }

  void prove() {
    collect();
    for (int channel = 0; channel < ring * ring; channel++) {
      compare(channel);
    }
    run();
    holdings.proveComplete();
  }

  // --- compare both ends of each channel -------------------------------------------------------

  private void collect() {
    for (int rank = 0; rank < ring; rank++) {
      List<Step> steps = programs.get(rank).steps();
      for (int s = 0; s < steps.size(); s++) {
        for (Message message : steps.get(s).sends()) {
          proveMessage(rank, s, "sends", message);
          sends.get(rank * ring + message.peer()).add(new Posted(s, message));
        }
        for (Message message : steps.get(s).receives()) {
          proveMessage(rank, s, "receives", message);
          receives.get(message.peer() * ring + rank).add(new Posted(s, message));
        }
      }
    }
  }

  private void proveMessage(int rank, int s, String verb, Message message) {
    String problem = "";
    if (message.peer() < 0 || message.peer() >= ring || message.peer() == rank) {
      problem = "which is no other rank of the ring of " + ring;
    } else if (message.owner() < 0 || message.owner() >= ring) {
      problem = "but owners are below " + ring;
    } else if (!phase.knows(message.item())) {
      problem = "which has no meaning " + phase.label();
    } else {
      int tokens = layout.tokens(message.owner());
      for (TokenRange run : message.rows()) {
        if (run.end() > tokens) {
          problem = "but the owner has %d rows".formatted(tokens);
        }
      }
    }
    if (!problem.isEmpty()) {
      throw new InvalidPlanException(
          "%s: rank %d step %d %s %s %s rank %d, %s"
              .formatted(
                  phase.label(),
                  rank,
                  s,
                  verb,
                  describe(message),
                  verb.equals("sends") ? "to" : "from",
                  message.peer(),
                  problem));
    }
  }

  private void compare(int channel) {
    List<Posted> out = sends.get(channel);
    List<Posted> in = receives.get(channel);
    for (int i = 0; i < Math.max(out.size(), in.size()); i++) {
      String sending = i < out.size() ? end(out.get(i), "sends") : "sends nothing more";
      String receiving = i < in.size() ? end(in.get(i), "receives") : "has no receive left";
      boolean same =
          i < out.size()
              && i < in.size()
              && out.get(i).message().item() == in.get(i).message().item()
              && out.get(i).message().owner() == in.get(i).message().owner()
              && out.get(i).message().rows().equals(in.get(i).message().rows());
      if (!same) {
        throw new InvalidPlanException(
            "%s: message %d from rank %d to rank %d: rank %d %s, rank %d %s"
                .formatted(
                    phase.label(),
                    i,
                    channel / ring,
                    channel % ring,
                    channel / ring,
                    sending,
                    channel % ring,
                    receiving));
      }
    }
  }

  private static String end(Posted posted, String verb) {
    return "step %d %s %s".formatted(posted.step(), verb, describe(posted.message()));
  }

  private static String describe(Message message) {
    StringBuilder text = new StringBuilder();
    text.append(message.item()).append(" of rank ").append(message.owner()).append(" rows");
    for (TokenRange run : message.rows()) {
      text.append(' ').append(run.start()).append("..").append(run.end() - 1);
    }
    return message.rows().isEmpty() ? text.append(" none").toString() : text.toString();
  }

  // --- simulate the programs -------------------------------------------------------------------

  private void run() {
    for (int rank = 0; rank < ring; rank++) {
      enter(rank);
    }
    while (!ready.isEmpty()) {
      int rank = ready.remove();
      holdings.endStep(rank);
      step[rank]++;
      enter(rank);
    }
    for (int rank = 0; rank < ring; rank++) {
      if (!finished(rank)) {
        throw stuck(rank);
      }
    }
  }

  private boolean finished(int rank) {
    return step[rank] >= programs.get(rank).steps().size();
  }

  private void enter(int rank) {
    if (finished(rank)) {
      return;
    }
    Step now = programs.get(rank).steps().get(step[rank]);
    holdings.beginStep(rank, step[rank], now);
    waiting[rank] = now.sends().size() + now.receives().size();
    if (waiting[rank] == 0) {
      ready.add(rank);
    }
    for (Message message : now.sends()) {
      int channel = rank * ring + message.peer();
      sent[channel]++;
      complete(channel);
    }
    for (Message message : now.receives()) {
      int channel = message.peer() * ring + rank;
      received[channel]++;
      complete(channel);
    }
  }

  private void complete(int channel) {
    while (completed[channel] < Math.min(sent[channel], received[channel])) {
      completed[channel]++;
      int from = channel / ring;
      int to = channel % ring;
      holdings.travel(from, to);
      arrive(from);
      arrive(to);
    }
  }

  private void arrive(int rank) {
    if (--waiting[rank] == 0) {
      ready.add(rank);
    }
  }

  /** Every stuck rank waits for another stuck rank, so following them finds a cycle. */
  private InvalidPlanException stuck(int first) {
    boolean[] seen = new boolean[ring];
    StringBuilder chain = new StringBuilder();
    int rank = first;
    while (!seen[rank]) {
      seen[rank] = true;
      Message message = firstWaiting(rank);
      chain.append(
          "rank %d step %d waits for rank %d (%s), "
              .formatted(rank, step[rank], message.peer(), describe(message)));
      rank = message.peer();
    }
    return new InvalidPlanException(
        phase.label() + ": deadlock: " + chain + "which is waiting already");
  }

  private Message firstWaiting(int rank) {
    Step now = programs.get(rank).steps().get(step[rank]);
    int[] ownSends = new int[ring];
    int[] ownReceives = new int[ring];
    Arrays.setAll(ownSends, peer -> sent[rank * ring + peer]);
    Arrays.setAll(ownReceives, peer -> received[peer * ring + rank]);
    for (Message message : now.sends()) {
      if (completed[rank * ring + message.peer()] < ownSends[message.peer()]) {
        return message;
      }
    }
    for (Message message : now.receives()) {
      if (completed[message.peer() * ring + rank] < ownReceives[message.peer()]) {
        return message;
      }
    }
    throw new AssertionError("rank " + rank + " waits for nothing");
  }
}
