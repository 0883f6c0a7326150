package dev.gyre.trainer.sequence;

import static java.util.Objects.requireNonNull;

import dev.gyre.comms.Trace;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Workspace;
import dev.gyre.partitioning.schedule.AttentionSchedule.Item;
import dev.gyre.partitioning.schedule.ItemMemory;
import dev.gyre.partitioning.schedule.ItemMemory.Holding;
import dev.gyre.trainer.exchange.Transfers;
import dev.gyre.trainer.sequence.CompiledProgram.CompiledStep;
import dev.gyre.trainer.sequence.CompiledProgram.Compute;
import dev.gyre.trainer.sequence.CompiledProgram.Transfer;
import java.util.EnumMap;
import java.util.Map;

/**
 * Runs any {@link CompiledProgram}, of whatever kind of schedule.
 *
 * <p>Legend: T tokens of an owner's local sequence, H and K this rank's query and key/value heads,
 * D head size. The tensors of an item, in the order in which they travel:
 *
 * <pre>
 * KEY_VALUE           k, v        compute [T,K,D]
 * KEY_VALUE_GRADIENT  dk, dv      F32 [T,K,D]
 * QUERY               q           compute [T,H,D]
 * PARTIAL_OUTPUT      out, lse    F32 [T,H,D], [T,H]
 * QUERY_BUNDLE        q, dO       compute [T,H,D];  lse, delta  F32 [T,H]
 * QUERY_GRADIENT      dq          F32 [T,H,D]
 * </pre>
 */
final class ScheduleEngine {
  /**
   * Pairs times heads times elements below which a step's work ends before a progress thread would
   * wake up: 4 FLOPs each, at 100 GFLOP/s, for 0.2 ms.
   */
  private static final long WORTH_OVERLAPPING = 5_000_000;

  /** Whether transfers move while a step's work is computed, or before it. */
  enum Overlap {
    ON,
    /** To measure the gain of overlap. */
    OFF
  }

  private final Backend backend;
  private final Kernels kernels;
  private final Transfers transfers;
  private final int[] kvHeadOf;
  private final long heads;
  private final long kvHeads;
  private final long headDim;
  private final DType compute;
  private final Overlap overlap;

  /**
   * @param transfers among the ring ranks
   * @param kvHeadOf this rank's map from its query heads to its key/value heads
   */
  ScheduleEngine(
      Backend backend,
      Transfers transfers,
      int[] kvHeadOf,
      int kvHeads,
      int headDim,
      DType compute,
      Overlap overlap) {
    this.backend = backend;
    this.kernels = backend.kernels();
    this.transfers = transfers;
    this.kvHeadOf = kvHeadOf;
    this.heads = kvHeadOf.length;
    this.kvHeads = kvHeads;
    this.headDim = headDim;
    this.compute = compute;
    this.overlap = overlap;
  }

  /**
   * @param scale factor on the products of queries and keys
   * @param out F32 [T,H,D] and lse F32 [T,H], written
   */
  void forward(
      CompiledProgram program,
      Tensor q,
      Tensor k,
      Tensor v,
      float scale,
      Tensor out,
      Tensor lse,
      Workspace ws) {
    kernels.fill(out, 0);
    kernels.fill(lse, Float.NEGATIVE_INFINITY);
    long mark = ws.scratchMark();
    ItemMemory memory = program.memory();
    Tensor[][] held = new Tensor[memory.holdings().size()][];
    held[memory.own(Item.KEY_VALUE)] = new Tensor[] {k, v};
    held[memory.own(Item.QUERY)] = new Tensor[] {q};
    held[memory.own(Item.PARTIAL_OUTPUT)] = new Tensor[] {out, lse};
    run(program, held, scale, ws);
    ws.releaseScratch(mark);
  }

  /**
   * @param dq F32 [T,H,D]; dk, dv F32 [T,K,D]; all written
   */
  void backward(
      CompiledProgram program,
      Tensor q,
      Tensor k,
      Tensor v,
      float scale,
      Tensor dOut,
      Tensor lse,
      Tensor delta,
      Tensor dq,
      Tensor dk,
      Tensor dv,
      Workspace ws) {
    kernels.fill(dq, 0);
    kernels.fill(dk, 0);
    kernels.fill(dv, 0);
    long mark = ws.scratchMark();
    ItemMemory memory = program.memory();
    Tensor[][] held = new Tensor[memory.holdings().size()][];
    held[memory.own(Item.KEY_VALUE)] = new Tensor[] {k, v};
    held[memory.own(Item.QUERY_BUNDLE)] = new Tensor[] {q, dOut, lse, delta};
    held[memory.own(Item.QUERY_GRADIENT)] = new Tensor[] {dq};
    held[memory.own(Item.KEY_VALUE_GRADIENT)] = new Tensor[] {dk, dv};
    run(program, held, scale, ws);
    ws.releaseScratch(mark);
  }

  private void run(CompiledProgram program, Tensor[][] held, float scale, Workspace ws) {
    giveMemory(program.memory(), held, ws);
    for (int s = 0; s < program.steps(); s++) {
      CompiledStep step = program.step(s);
      transfers.transport().where().phase(step.phase());
      for (int zeroed : step.zeroed()) {
        zero(program.memory().holdings().get(zeroed).item(), held[zeroed]);
      }
      transfers.begin();
      for (Transfer t : step.receives()) {
        post(t, held[t.staging() < 0 ? t.holding() : t.staging()], t.staging() >= 0, false);
      }
      for (Transfer t : step.sends()) {
        post(t, held[t.holding()], false, true);
      }
      compute(step, held, scale);
      transfers.await();
      for (Transfer t : step.receives()) {
        if (t.staging() >= 0) {
          addReceived(t, program.memory().holdings().get(t.holding()).item(), held);
        }
      }
    }
  }

  /** Runs a step's kernels; its transfers are in flight meanwhile. */
  private void compute(CompiledStep step, Tensor[][] held, float scale) {
    if (overlap == Overlap.OFF) {
      transfers.await();
    }
    boolean beside = step.pairs() * heads * headDim >= WORTH_OVERLAPPING && transfers.areUnderWay();
    if (beside) {
      transfers.transport().computing(true);
    }
    Trace trace = transfers.transport().where().trace();
    long began = trace == null ? 0 : System.nanoTime();
    try {
      for (Compute work : step.work()) {
        compute(work, held, scale);
      }
      if (beside || trace != null) {
        backend.synchronize(); // kernels may have been launched only
      }
    } finally {
      if (beside) {
        transfers.transport().computing(false);
      }
    }
    if (trace != null) {
      trace.hop(step.phase(), began);
    }
  }

  /** Allocates the slots of scratch memory for items of other owners. */
  private void giveMemory(ItemMemory memory, Tensor[][] held, Workspace ws) {
    Map<Item, Tensor[][]> slots = new EnumMap<>(Item.class);
    for (Item item : ITEMS) {
      int[] rows = memory.slotRows(item);
      Tensor[][] ofItem = new Tensor[rows.length][];
      for (int i = 0; i < rows.length; i++) {
        ofItem[i] = tensors(item, rows[i], ws);
      }
      slots.put(item, ofItem);
    }
    for (int i = 0; i < held.length; i++) {
      Holding h = memory.holdings().get(i);
      if (!h.own()) {
        Tensor[] slot = requireNonNull(slots.get(h.item()))[h.slot()];
        Tensor[] views = new Tensor[slot.length];
        for (int f = 0; f < views.length; f++) {
          views[f] = slot[f].slice(0, h.rows());
        }
        held[i] = views;
      }
    }
  }

  private static final Item[] ITEMS = Item.values();

  private Tensor[] tensors(Item item, long rows, Workspace ws) {
    return switch (item) {
      case KEY_VALUE ->
          new Tensor[] {
            ws.scratch(compute, rows, kvHeads, headDim), ws.scratch(compute, rows, kvHeads, headDim)
          };
      case KEY_VALUE_GRADIENT ->
          new Tensor[] {
            ws.scratch(DType.F32, rows, kvHeads, headDim),
            ws.scratch(DType.F32, rows, kvHeads, headDim)
          };
      case QUERY -> new Tensor[] {ws.scratch(compute, rows, heads, headDim)};
      case PARTIAL_OUTPUT ->
          new Tensor[] {
            ws.scratch(DType.F32, rows, heads, headDim), ws.scratch(DType.F32, rows, heads)
          };
      case QUERY_BUNDLE ->
          new Tensor[] {
            ws.scratch(compute, rows, heads, headDim),
            ws.scratch(compute, rows, heads, headDim),
            ws.scratch(DType.F32, rows, heads),
            ws.scratch(DType.F32, rows, heads)
          };
      case QUERY_GRADIENT -> new Tensor[] {ws.scratch(DType.F32, rows, heads, headDim)};
    };
  }

  private void zero(Item item, Tensor[] accumulator) {
    for (int f = 0; f < accumulator.length; f++) {
      boolean lse = item == Item.PARTIAL_OUTPUT && f == 1;
      kernels.fill(accumulator[f], lse ? Float.NEGATIVE_INFINITY : 0);
    }
  }

  /** Every range of rows of every tensor is a message of its own: no packing, but more messages. */
  private void post(Transfer t, Tensor[] fields, boolean packed, boolean send) {
    for (Tensor field : fields) {
      int at = 0;
      for (int r = 0; r < t.runs().length; r += 2) {
        int count = t.runs()[r + 1];
        Tensor rows = field.slice(packed ? at : t.runs()[r], count);
        at += count;
        if (send) {
          transfers.send(t.peer(), t.number(), rows);
        } else {
          transfers.receive(t.peer(), t.number(), rows);
        }
      }
    }
  }

  private void compute(Compute work, Tensor[][] held, float scale) {
    Tensor[] query = held[work.query()];
    Tensor[] key = held[work.key()];
    Tensor[] result = held[work.queryResult()];
    if (work.keyResult() < 0) {
      kernels.attention(
          query[0], key[0], key[1], kvHeadOf, work.tiles(), scale, result[0], result[1]);
      return;
    }
    Tensor[] keyGradient = held[work.keyResult()];
    kernels.attentionBackward(
        query[0],
        key[0],
        key[1],
        kvHeadOf,
        work.tiles(),
        scale,
        query[1],
        query[2],
        query[3],
        result[0],
        keyGradient[0],
        keyGradient[1]);
  }

  private void addReceived(Transfer t, Item item, Tensor[][] held) {
    Tensor[] from = held[t.staging()];
    Tensor[] into = held[t.holding()];
    int at = 0;
    for (int r = 0; r < t.runs().length; r += 2) {
      int start = t.runs()[r];
      int count = t.runs()[r + 1];
      if (item == Item.PARTIAL_OUTPUT) {
        kernels.attentionMerge(
            from[0].slice(at, count),
            from[1].slice(at, count),
            into[0].slice(start, count),
            into[1].slice(start, count));
      } else {
        for (int f = 0; f < into.length; f++) {
          kernels.add(from[f].slice(at, count), into[f].slice(start, count));
        }
      }
      at += count;
    }
  }
}
