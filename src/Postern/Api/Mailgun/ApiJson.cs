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
            return Whole(await JsonNode.ParseAsync(
                body, documentOptions: options, cancellationToken: cancel));
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
            return Whole(JsonNode.Parse(text, documentOptions: options));
        }
        catch (InvalidOperationException half)
        {
            throw new JsonException(half.Message, half);
        }
    }

    /// <summary>Each of its texts has been read once.</summary>
    static JsonNode? Whole(JsonNode? node)
    {
        var nodes = new Stack<JsonNode?>([node]);
        while (nodes.TryPop(out var next))
        {
            if (next is JsonObject members)
            {
                foreach (var (_, value) in members)
                    nodes.Push(value);
            }
            else if (next is JsonArray items)
            {
                foreach (var item in items)
                    nodes.Push(item);
            }
            else if (next?.GetValueKind() == JsonValueKind.String)
                _ = next.GetValue<string>();
        }
        return node;
    }
}
