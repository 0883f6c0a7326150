package dev.gyre.trainer.json;

import dev.gyre.partitioning.mesh.Axis;
import dev.gyre.partitioning.mesh.Mesh;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.databind.DeserializationContext;
import tools.jackson.databind.SerializationContext;
import tools.jackson.databind.ValueDeserializer;
import tools.jackson.databind.ValueSerializer;
import tools.jackson.databind.module.SimpleModule;

/**
 * A mesh in JSON: the degree of each axis by the name of its key, {@code dataParallel} for {@code
 * data-parallel}. A plan from before an axis lacks it: its degree is 1.
 */
final class MeshJson {
  private static final Pattern WORD = Pattern.compile("-([a-z])");

  private MeshJson() {}

  static SimpleModule module() {
    return new SimpleModule("mesh")
        .addSerializer(Mesh.class, new Writer())
        .addDeserializer(Mesh.class, new Reader());
  }

  private static String name(Axis axis) {
    return WORD.matcher(axis.key()).replaceAll(word -> word.group(1).toUpperCase(Locale.ROOT));
  }

  private static final class Writer extends ValueSerializer<Mesh> {
    @Override
    public void serialize(Mesh mesh, JsonGenerator json, SerializationContext context) {
      json.writeStartObject();
      mesh.degrees().forEach((axis, degree) -> json.writeNumberProperty(name(axis), degree));
      json.writeEndObject();
    }
  }

  private static final class Reader extends ValueDeserializer<Mesh> {
    @Override
    public Mesh deserialize(JsonParser json, DeserializationContext context) {
      Map<String, Integer> named =
          context.readValue(
              json,
              context.getTypeFactory().constructMapType(Map.class, String.class, Integer.class));
      Map<Axis, Integer> degrees = new EnumMap<>(Axis.class);
      for (Axis axis : Axis.KEYED) {
        String name = name(axis);
        if (named.containsKey(name) && named.get(name) == null) {
          context.reportInputMismatch(Mesh.class, "the mesh has no degree for %s", name);
        }
        Integer degree = named.remove(name);
        if (degree != null) {
          degrees.put(axis, degree);
        }
      }
      if (!named.isEmpty()) {
        context.reportInputMismatch(Mesh.class, "the mesh has no axis %s", named.keySet());
      }
      return new Mesh(degrees);
    }
  }
}
