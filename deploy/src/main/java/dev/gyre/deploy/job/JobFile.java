package dev.gyre.deploy.job;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.job.DatasetSpec;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.job.KeyValue;
import dev.gyre.partitioning.job.MeshSpec;
import dev.gyre.partitioning.job.Records;
import dev.gyre.partitioning.job.ScheduleSpec;
import dev.gyre.partitioning.job.SequenceStage;
import dev.gyre.partitioning.job.TrainSpec;
import dev.gyre.partitioning.model.AttentionPattern;
import dev.gyre.partitioning.model.Decoder;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.ModelSpec;
import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;

/** Reads a job file, overrides values by {@code --set}, and validates the result. */
public final class JobFile {
  /** Reads the shape of the model in a Hugging Face folder. */
  @FunctionalInterface
  public interface ModelFolders {
    /** Reads the model of a folder, with a job's changes. */
    ModelSpec read(Path folder, Changes changes);
  }

  /**
   * What a job may change of a model that it loads.
   *
   * @param tied whether to tie head and embedding; null to use the folder's setting, which
   *     published configs often omit
   * @param rope the keys of {@code model.rope} that are set, with their values
   */
  public record Changes(@Nullable Boolean tied, Map<String, Object> rope) {}

  private static final String TIED = "tie_word_embeddings";
  private static final String ROPE = "rope";

  private final ModelFolders modelFrom;
  private final ToIntFunction<String> vocabularyOf;
  private final Consumer<String> hint;

  /** A reader without hints about former names of keys. */
  public JobFile(ModelFolders modelFrom, ToIntFunction<String> vocabularyOf) {
    this(modelFrom, vocabularyOf, _ -> {});
  }

  /**
   * @param modelFrom reads the folder that {@code model.from} names
   * @param vocabularyOf vocabulary size of a tokenizer, as named in the job file
   * @param hint receives a line for each key that has been renamed
   */
  public JobFile(
      ModelFolders modelFrom, ToIntFunction<String> vocabularyOf, Consumer<String> hint) {
    this.modelFrom = modelFrom;
    this.vocabularyOf = vocabularyOf;
    this.hint = hint;
  }

  /**
   * @param settings override the file's values; a later one wins
   * @throws JobFileException naming file, line, key, value and what to do
   */
  public JobSpec read(Path file, List<Setting> settings) {
    String text = text(file, "job file", "; recipes/ has some to start from");
    String base = String.valueOf(file.getFileName());
    String name = base.replaceFirst("\\.(ya?ml|json)$", "");
    return parse(text, file.toString(), name, settings);
  }

  /**
   * @param kind of the file, for messages
   * @param advice what to do if there is no such file
   */
  static String text(Path file, String kind, String advice) {
    try {
      return Files.readString(file);
    } catch (NoSuchFileException e) {
      throw new JobFileException(file + ": no such " + kind + advice);
    } catch (CharacterCodingException e) {
      throw new JobFileException(file + ": not a " + kind + ": it is not UTF-8 text");
    } catch (IOException e) {
      String why = Files.isDirectory(file) ? "it is a folder" : String.valueOf(e.getMessage());
      throw new JobFileException(file + ": cannot be read: " + why);
    }
  }

  JobSpec parse(String yaml, String source, String defaultName, List<Setting> settings) {
    JobTree parsed = JobTree.parse(yaml, source);
    JobTree tree = parsed instanceof JobTree.Empty ? JobTree.Mapping.empty(source) : parsed;
    for (Setting setting : settings) {
      overlay(tree, setting);
    }
    FormerKeys.rename(tree, JobKeys.ROOT, hint);
    JobValues values = JobValues.of(tree, JobKeys.ROOT);
    try {
      return bind(values, defaultName);
    } catch (Invalid e) {
      throw new JobFileException(place(tree, e.key(), source) + ": " + e.getMessage());
    }
  }

  private static void overlay(JobTree tree, Setting setting) {
    String source = setting.source();
    String[] path = setting.key().split("\\.", -1);
    JobTree at = tree;
    for (int i = 0; i < path.length; i++) {
      if (!(at instanceof JobTree.Mapping m)) {
        String above = i == 0 ? "the job file" : path[i - 1];
        throw new JobFileException(source + ": " + above + " holds no keys");
      }
      if (i == path.length - 1) {
        m.put(path[i], source, value(setting));
      } else {
        JobTree below = m.entries().get(path[i]);
        if (below == null || below instanceof JobTree.Empty) {
          m.put(path[i], source, JobTree.Mapping.empty(source));
        }
        at = m.entries().get(path[i]);
      }
    }
  }

  private static JobTree value(Setting setting) {
    return setting.yaml()
        ? JobTree.parse(setting.value(), setting.source())
        : new JobTree.Scalar(setting.value(), setting.source());
  }

  /** File and line of a key, or of the nearest enclosing key. */
  private static String place(JobTree tree, String key, String source) {
    String place = source;
    JobTree at = tree;
    for (String part : key.split("\\.", -1)) {
      if (!(at instanceof JobTree.Mapping m) || !m.entries().containsKey(part)) {
        return place;
      }
      place = m.keyPlaces().getOrDefault(part, place);
      at = m.entries().get(part);
    }
    return place;
  }

  private JobSpec bind(JobValues job, String defaultName) {
    DatasetSpec dataset = record(DatasetSpec.class, job.section("dataset"), Map.of());
    JobValues model = job.section("model");
    return record(
        JobSpec.class,
        job,
        Map.of(
            "name",
            job.text("name", defaultName),
            "model",
            model(model, dataset.tokenizer()),
            "modelFrom",
            model.text("from", ""),
            "dataset",
            dataset,
            "train",
            train(job.section("train")),
            "mesh",
            record(
                MeshSpec.class,
                job.section("mesh"),
                Map.of("schedule", schedule(job.section("mesh"))))));
  }

  /**
   * A record with the values of the keys of its components' names.
   *
   * @param given values of components that are more than one key's value, by name
   */
  private static <T extends Record> T record(
      Class<T> type, JobValues values, Map<String, ?> given) {
    return Records.create(
        type,
        component -> {
          Object value = given.get(component.getName());
          return value == null ? value(component, values) : value;
        });
  }

  private static Object value(RecordComponent component, JobValues values) {
    String key = KeyValue.nameOf(component);
    Class<?> type = component.getType();
    if (type.isRecord()) {
      JobValues below = values.knows(key) ? values.section(key) : values;
      return record(type.asSubclass(Record.class), below, Map.of());
    }
    if (!values.isList(key)) {
      return values.value(key, type);
    }
    List<Record> items = new ArrayList<>();
    for (JobValues item : values.sections(key)) {
      items.add(record(KeyValue.itemOf(component), item, Map.of()));
    }
    return items;
  }

  private ModelSpec model(JobValues m, String tokenizer) {
    Map<String, Object> rope = rope(m);
    if (!m.text("from", "").isBlank()) {
      List<String> others = new ArrayList<>(m.names());
      others.remove("from");
      others.removeAll(List.of(TIED, ROPE));
      if (!others.isEmpty()) {
        throw m.bad(
            others.getFirst(), "cannot be set: model.from is, and its config.json decides this");
      }
      return modelFrom.read(
          Path.of(m.text("from")), new Changes(m.has(TIED) ? m.flag(TIED) : null, rope));
    }
    if (m.has(ROPE)) {
      throw m.bad(ROPE, "changes a model that model.from loads; a new model has rope_theta alone");
    }
    String type = m.text("model_type");
    boolean dense = type.equals("llama");
    int hidden = m.count("hidden_size");
    int heads = m.count("num_attention_heads");
    if (!m.has("head_dim") && hidden % heads != 0) {
      throw m.bad(
          m.has("num_attention_heads") ? "num_attention_heads" : "hidden_size",
          "%d heads do not divide hidden_size %d; set model.head_dim".formatted(heads, hidden));
    }
    int width = m.count("head_dim", hidden / heads);
    if (!m.has("head_dim") && !HeadShape.SIZE.holds(width)) {
      throw m.bad(
          m.has("num_attention_heads") ? "num_attention_heads" : "hidden_size",
          "hidden_size %d / num_attention_heads %d is %d, but the width of a head must be %s; set model.head_dim"
              .formatted(hidden, heads, width, HeadShape.SIZE.text()));
    }
    int experts = m.count("num_local_experts", dense ? 0 : 8);
    if (dense && experts > 0) {
      throw m.bad("num_local_experts", "llama has no experts; use model_type: mixtral");
    }
    return new Decoder(
            new EmbeddingSpec(
                m.has("vocab_size") ? m.count("vocab_size") : vocabularyOf.applyAsInt(tokenizer),
                hidden),
            m.count("num_hidden_layers"),
            new HeadShape(heads, m.count("num_key_value_heads", heads), width))
        .mlp(m.count("intermediate_size", 2 * hidden))
        .experts(experts, m.count("num_experts_per_tok", Math.min(2, experts)))
        .normEps(m.number("rms_norm_eps"))
        .ropeTheta(m.number("rope_theta"))
        .tied(m.flag(TIED))
        .attention(attention(m))
        .mlpOnly(m.integers("mlp_only_layers"))
        .initializerRange(m.number("initializer_range"))
        .spec();
  }

  private static Map<String, Object> rope(JobValues model) {
    Map<String, Object> set = new LinkedHashMap<>();
    JobValues rope = model.section(ROPE);
    for (String key : rope.names()) {
      set.put(key, rope.value(key, Object.class));
    }
    return set;
  }

  private static AttentionPattern attention(JobValues m) {
    List<LayerKind> layers = new ArrayList<>();
    for (String key : m.texts("layer_types")) {
      layers.add(LayerKind.of(key, "model.layer_types"));
    }
    return new AttentionPattern(
        layers,
        m.count("sliding_window"),
        m.count("attention_sinks"),
        m.flag("anchor_token"),
        m.count("prefix_length"));
  }

  private static TrainSpec train(JobValues t) {
    List<SequenceStage> stages = stages(t);
    SequenceStage longest =
        stages.isEmpty()
            ? new SequenceStage(t.count("sequence-length"), 1, batch(t, t.count("sequence-length")))
            : Collections.max(stages, Comparator.comparingInt(SequenceStage::tokens));
    return record(
        TrainSpec.class,
        t,
        Map.of(
            "sequenceLength",
            longest.tokens(),
            "batchTokens",
            longest.batchTokens(),
            "stages",
            stages));
  }

  private static List<SequenceStage> stages(JobValues t) {
    List<JobValues> given = t.sections("sequence-length");
    int longest = given.stream().mapToInt(stage -> stage.count("tokens")).max().orElse(0);
    List<SequenceStage> stages = new ArrayList<>();
    for (JobValues stage : given) {
      long batch = stage.has("batch-tokens") ? stage.integer("batch-tokens") : batch(t, longest);
      stages.add(new SequenceStage(stage.count("tokens"), stage.share("share"), batch));
    }
    return stages;
  }

  /** Tokens per step: by default one row. */
  private static long batch(JobValues train, int row) {
    return train.has("batch-tokens") ? train.integer("batch-tokens") : row;
  }

  private static ScheduleSpec schedule(JobValues m) {
    JobValues each = m.section("schedule");
    Map<LayerKind, String> named = new EnumMap<>(LayerKind.class);
    for (String kind : each.names()) {
      named.put(LayerKind.of(kind, "mesh.schedule"), each.text(kind));
    }
    return named.isEmpty()
        ? ScheduleSpec.parse(m.text("schedule"))
        : new ScheduleSpec(MeshSpec.AUTO, named);
  }
}
