package dev.gyre.trainer.json;

import com.fasterxml.jackson.annotation.JsonTypeInfo;
import dev.gyre.partitioning.model.Activation;
import dev.gyre.partitioning.model.FeedForwardSpec;
import dev.gyre.partitioning.model.MixerSpec;
import dev.gyre.partitioning.model.RopeScaling;
import dev.gyre.partitioning.model.RouterSpec;
import tools.jackson.databind.module.SimpleModule;

/** The kinds of a model's parts in JSON: each carries the name of its record as {@code type}. */
public final class ModelTypes {
  private ModelTypes() {}

  /** Annotates the interfaces, which know nothing of JSON. Their permitted records are found. */
  @JsonTypeInfo(use = JsonTypeInfo.Id.SIMPLE_NAME, property = "type")
  private interface Typed {}

  public static SimpleModule module() {
    SimpleModule module = new SimpleModule("model types");
    for (Class<?> type :
        new Class<?>[] {
          MixerSpec.class,
          RopeScaling.class,
          FeedForwardSpec.class,
          Activation.class,
          RouterSpec.class
        }) {
      module.setMixInAnnotation(type, Typed.class);
      register(module, type);
    }
    return module;
  }

  private static void register(SimpleModule module, Class<?> sealed) {
    for (Class<?> kind : sealed.getPermittedSubclasses()) {
      if (kind.isInterface()) {
        register(module, kind);
      } else {
        module.registerSubtypes(kind);
      }
    }
  }
}
