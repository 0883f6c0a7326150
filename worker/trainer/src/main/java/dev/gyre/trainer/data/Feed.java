package dev.gyre.trainer.data;

import dev.gyre.partitioning.job.DatasetSpec;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.job.SequenceStage;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.layout.TokenRange;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The batches of a run. The rows of step s are a pure function of (seed, s, documents, the run's
 * stages), whatever the number of workers.
 *
 * <p>Step s of a stage takes rows {@code [s · rowsPerStep, (s + 1) · rowsPerStep)} of the
 * concatenation of all its epochs; a batch may cross into the next epoch. Each epoch is packed and
 * shuffled anew. Thread-safe; the caller owns the store.
 */
public final class Feed {
  /** Label of a token without a label. */
  public static final int NO_LABEL = -100;

  /** Changes when the same content gives other rows. */
  private static final String FINGERPRINT = "3:";

  private final TokenStore store;
  private final boolean bestFit;
  private final double[] weights;
  private final int longest;
  private final int unlabelled;
  private final long seed;
  private final long heapBytes;
  private final DocumentSet train;
  private final DocumentSet heldOutDocuments;
  private final PackedIndex heldOut;
  private final List<StageRows> stages = new ArrayList<>();

  private Feed(
      TokenStore store,
      DatasetSpec dataset,
      List<SequenceStage> curriculum,
      long steps,
      int prefix,
      long seed) {
    this.store = store;
    this.bestFit = dataset.packing().equals("best-fit");
    this.weights = dataset.train().stream().mapToDouble(DatasetSpec.Source::weight).toArray();
    this.longest = curriculum.stream().mapToInt(SequenceStage::tokens).max().orElseThrow();
    // The prefix's last token predicts the first behind it.
    this.unlabelled = Math.max(0, prefix - 1);
    this.seed = seed;
    this.heapBytes = packingHeap(Runtime.getRuntime().maxMemory());
    HoldOut split = HoldOut.of(store, dataset.holdout(), seed);
    this.train = split.train();
    this.heldOutDocuments = split.heldOut();
    double[] once = new double[weights.length];
    Arrays.fill(once, 1.0);
    this.heldOut = Packer.pack(heldOutDocuments, once, bestFit, longest, seed, 0, heapBytes);
    long[] firstSteps = SequenceStage.firstSteps(curriculum, steps);
    for (int i = 0; i < firstSteps.length; i++) {
      stages.add(stage(curriculum.get(i), i, firstSteps[i]));
    }
  }

  private StageRows stage(SequenceStage stage, int index, long firstStep) {
    int perRow = stage.sequencesPerRow(longest);
    int rowsPerStep = stage.sequencesPerStep() / perRow;
    EpochRows epochs =
        new EpochRows(
            epoch -> packTrain(stage.tokens(), perRow, index, epoch),
            sameRowsEveryEpoch(),
            rowsPerStep);
    return new StageRows(firstStep, rowsPerStep, epochs);
  }

  /**
   * The rows of a job.
   *
   * @param store the job's tokens
   */
  public static Feed of(TokenStore store, JobSpec job) {
    return of(
        store,
        job.dataset(),
        job.train().curriculum(),
        job.train().steps(),
        job.model().prefix(),
        job.train().seed());
  }

  /**
   * Rows of one length throughout.
   *
   * @param rowTokens most tokens of a row: the sequence length
   * @param rowsPerStep rows of the global batch
   */
  static Feed of(
      TokenStore store,
      DatasetSpec dataset,
      int rowTokens,
      int rowsPerStep,
      int prefix,
      long seed) {
    SequenceStage only = new SequenceStage(rowTokens, 1, (long) rowTokens * rowsPerStep);
    return of(store, dataset, List.of(only), 1, prefix, seed);
  }

  /**
   * @param store the dataset's tokens
   * @param curriculum the run's stages, in order, at least one
   * @param steps of the run
   * @param prefix first tokens of each piece that see each other in both directions, so none of
   *     them is a label; 0 for none
   * @param seed of the run
   */
  static Feed of(
      TokenStore store,
      DatasetSpec dataset,
      List<SequenceStage> curriculum,
      long steps,
      int prefix,
      long seed) {
    if (dataset.train().size() != store.sources().size()) {
      throw new IllegalArgumentException(
          "dataset.train: sources in the job: %d, in the token store: %d, %s"
              .formatted(dataset.train().size(), store.sources().size(), store.folder()));
    }
    return new Feed(store, dataset, curriculum, steps, prefix, seed);
  }

  /** Each stage draws in another order, so that it does not begin with what was just seen. */
  private PackedIndex packTrain(int tokens, int perRow, int stage, long epoch) {
    PackedIndex packed =
        Packer.pack(train, weights, bestFit, tokens, seed + stage, epoch, heapBytes);
    if (packed.rows() == 0 && epoch == 0) {
      throw new DataException(
          "dataset.train.weight: so low that no document was drawn in the first epoch; raise it");
    }
    return perRow == 1 ? packed : new GroupedRows(packed, perRow);
  }

  /**
   * With whole weights every epoch has the same document lengths, and so the same number of rows.
   */
  private boolean sameRowsEveryEpoch() {
    for (double weight : weights) {
      if (weight != Math.rint(weight)) {
        return false;
      }
    }
    return true;
  }

  /** The global batch of a step, from 0. Packs its epoch if needed. */
  public BatchShape shape(long step) {
    int stage = stageOf(step);
    StageRows of = stages.get(stage);
    List<RowShape> rows = new ArrayList<>(of.rowsPerStep());
    long first = of.firstRow(step);
    for (int i = 0; i < of.rowsPerStep(); i++) {
      EpochRows.Place place = of.epochs().place(first + i);
      rows.add(shape(RowShape.Part.TRAIN, stage, place.index(), place.epoch(), place.row()));
    }
    return BatchShape.of(rows);
  }

  /** Index of a step's stage; steps after the last planned one belong to the last. */
  private int stageOf(long step) {
    int stage = stages.size() - 1;
    while (stage > 0 && step < stages.get(stage).firstStep()) {
      stage--;
    }
    return stage;
  }

  /** Share of all tokens that is held out, in [0, 1]. */
  public double heldOutShare() {
    return (double) heldOut.stats().tokens() / store.tokens();
  }

  /**
   * Heap to pack an epoch in, of a process's whole heap: beside it lies the epoch before, and all
   * that the process does otherwise.
   */
  public static long packingHeap(long maxHeapBytes) {
    return maxHeapBytes * 2 / 5;
  }

  /** Whether any token of the first epoch has a label: without one there is nothing to learn. */
  public boolean hasLabels() {
    return hasLabels(stages.getLast().epochs().index(0));
  }

  /** Whether any held-out token has a label; false also if nothing is held out. */
  public boolean hasHeldOutLabels() {
    return hasLabels(heldOut);
  }

  private boolean hasLabels(PackedIndex index) {
    for (int row = 0; row < index.rows(); row++) {
      if (index.row(row).labelled(store.labels(), unlabelled) > 0) {
        return true;
      }
    }
    return false;
  }

  /**
   * Number of held-out rows; 0 if nothing is held out. They contain each held-out document once.
   */
  public int heldOutRows() {
    return heldOut.rows();
  }

  /**
   * Held-out rows {@code [from, from + count)}, fewer at the end. They do not depend on the step.
   */
  public BatchShape heldOut(int from, int count) {
    List<RowShape> rows = new ArrayList<>();
    for (int row = from; row < Math.min(from + (long) count, heldOut.rows()); row++) {
      rows.add(shape(RowShape.Part.HELD_OUT, 0, heldOut, 0, row));
    }
    return BatchShape.of(rows);
  }

  private RowShape shape(RowShape.Part part, int stage, PackedIndex index, long epoch, int row) {
    PackedRow packed = index.row(row);
    int labelled = packed.labelled(store.labels(), unlabelled);
    return new RowShape(part, stage, epoch, row, packed.documents(), labelled);
  }

  private PackedIndex index(RowShape row) {
    return row.part() == RowShape.Part.HELD_OUT
        ? heldOut
        : stages.get(row.stage()).epochs().index(row.epoch());
  }

  /**
   * Reads consecutive positions of a row, from element 0 of the segments.
   *
   * @param row made by this feed
   * @param run row positions
   * @param tokens I32, at least as long as the run; written
   * @param labels I32, likewise: the next token of the document, or {@link #NO_LABEL}: at its end,
   *     if the next token is in the prefix, or if the store marks no label
   * @throws IndexOutOfBoundsException if the range exceeds the row or a segment is too short
   */
  public void read(RowShape row, TokenRange run, MemorySegment tokens, MemorySegment labels) {
    PackedRow packed = index(row).row(row.row());
    Documents documents = row.documents();
    if (run.end() > documents.tokens()) {
      throw new IndexOutOfBoundsException(run + " of a row with " + documents.tokens() + " tokens");
    }
    long at = 0;
    int position = run.start();
    int document = run.length() == 0 ? 0 : documents.documentOf(position);
    while (position < run.end()) {
      int inPiece = position - documents.start(document);
      int count = Math.min(run.end() - position, documents.length(document) - inPiece);
      long from = packed.start()[document] + inPiece;
      boolean last = packed.last()[document] && inPiece + count == packed.length()[document];
      store.copy(from, count, tokens, at);
      store.copy(from + 1, last ? count - 1 : count, labels, at);
      if (last) {
        labels.setAtIndex(ValueLayout.JAVA_INT, at + count - 1, NO_LABEL);
      }
      store.labels().apply(from, count, labels, at);
      for (int i = 0; i < Math.min(count, unlabelled - inPiece); i++) {
        labels.setAtIndex(ValueLayout.JAVA_INT, at + i, NO_LABEL);
      }
      at += count;
      position += count;
      document++;
    }
  }

  /** Whether the data is a task with labels at some tokens only. */
  public boolean isTask() {
    return store.labels() != LabelMarks.ALL;
  }

  /** How well the last stage's sequences of an epoch are filled. */
  public PackStats stats(long epoch) {
    return stages.getLast().epochs().index(epoch).stats();
  }

  /** Fingerprint of the data for checkpoints: with equal fingerprints the same rows follow. */
  public String fingerprint() {
    return FINGERPRINT + store.contentHash();
  }

  /**
   * Whether a saved fingerprint is of this build's kind. If it is not, the same files may give
   * other rows than they gave the run that saved it, and the two cannot be compared.
   */
  public static boolean isComparable(String savedFingerprint) {
    return savedFingerprint.startsWith(FINGERPRINT);
  }

  /** Rows before a step: the data cursor. */
  public long cursor(long step) {
    long rows = 0;
    for (int i = 0; i < stages.size(); i++) {
      long end = i + 1 < stages.size() ? stages.get(i + 1).firstStep() : Long.MAX_VALUE;
      long until = Math.min(step, end);
      rows += until > stages.get(i).firstStep() ? stages.get(i).firstRow(until) : 0;
    }
    return rows;
  }

  /** UTF-8 bytes a token stands for on average; turns nats per token into nats per byte. */
  public double textBytesPerToken() {
    return (double) store.textBytes() / store.tokens();
  }

  /** The rows of a step, decoded. */
  public List<InspectedRow> inspect(long step, Tokenizer tokenizer) {
    List<InspectedRow> rows = new ArrayList<>();
    for (RowShape row : shape(step).rows()) {
      rows.add(inspect(row, tokenizer));
    }
    return rows;
  }

  /** One row, decoded. */
  public InspectedRow inspect(RowShape row, Tokenizer tokenizer) {
    PackedRow packed = index(row).row(row.row());
    DocumentSet set = row.part() == RowShape.Part.HELD_OUT ? heldOutDocuments : train;
    List<InspectedRow.Piece> pieces = new ArrayList<>();
    for (int piece = 0; piece < packed.pieces(); piece++) {
      int document = packed.document()[piece];
      int[] tokens = store.read(packed.start()[piece], packed.length()[piece]);
      pieces.add(
          new InspectedRow.Piece(
              store.sources().get(store.source(document)),
              store.name(document),
              packed.start()[piece] - set.start(document),
              packed.length()[piece],
              set.length(document),
              tokenizer.decode(tokens)));
    }
    return new InspectedRow(row, pieces);
  }

  TokenStore store() {
    return store;
  }

  DocumentSet trainDocuments() {
    return train;
  }

  DocumentSet heldOutDocuments() {
    return heldOutDocuments;
  }

  long seed() {
    return seed;
  }
}
