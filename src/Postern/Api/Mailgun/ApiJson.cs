using System.Text.Json;
using System.Text.Json.Nodes;

namespace Postern.Api.Mailgun;

/// <summary>JSON that somebody sent. Half of a surrogate pair is no text: it is found here, and not where the
/// text is used.</summary>
static class ApiJson
{
    /// <returns>Null: it is JSON's own null.</returns>
    /// <exception cref="JsonException">It is none.</exception>
    public static async Task<JsonNode?> ReadAsync(
        Stream body, JsonDocumentOptions options, CancellationToken cancel)
    {
        try
        {
            using var document = await JsonDocument.ParseAsync(body, options, cancel);
            return NodeOf(document.RootElement);
        }
        catch (InvalidOperationException half)
        {
            throw new JsonException(half.Message, half);
        }
    }

    /// <inheritdoc cref="ReadAsync"/>
    public static JsonNode? Read(string text, JsonDocumentOptions options)
    {
        try
        {
            using var document = JsonDocument.Parse(text, options);
            return NodeOf(document.RootElement);
        }
        catch (InvalidOperationException half)
        {
            throw new JsonException(half.Message, half);
        }
    }

    static JsonNode? NodeOf(JsonElement root)
    {
        ReadTexts(root);
        return root.ValueKind switch
        {
            JsonValueKind.Object => JsonObject.Create(root.Clone()),
            JsonValueKind.Array => JsonArray.Create(root.Clone()),
            JsonValueKind.Null => null,
            _ => JsonValue.Create(root.Clone()),
        };
    }

    /// <summary>Each of them once, names too.</summary>
    static void ReadTexts(JsonElement root)
    {
        var elements = new Stack<JsonElement>([root]);
        while (elements.TryPop(out var next))
        {
            if (next.ValueKind == JsonValueKind.Object)
            {
                foreach (var member in next.EnumerateObject())
                {
                    _ = member.Name;
                    elements.Push(member.Value);
                }
            }
            else if (next.ValueKind == JsonValueKind.Array)
            {
                foreach (var item in next.EnumerateArray())
                    elements.Push(item);
            }
            else if (next.ValueKind == JsonValueKind.String)
                _ = next.GetString();
        }
    }
}
