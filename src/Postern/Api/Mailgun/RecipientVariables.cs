using System.Text;
using System.Text.Json;

namespace Postern.Api.Mailgun;

/// <summary>What each recipient of a batch has in the place of <c>%recipient.key%</c>.</summary>
/// <remarks>Substitution goes once through a text: what a value holds is not looked at again.</remarks>
sealed class RecipientVariables
{
    const int OctetsMax = 5 << 20;
    const int KeyCharactersMax = 128;
    const int DepthMax = 16;
    const string Mark = "%recipient";

    readonly Dictionary<string, IReadOnlyDictionary<string, string>> all;

    RecipientVariables(Dictionary<string, IReadOnlyDictionary<string, string>> all) => this.all = all;

    /// <exception cref="ApiException">The text is no such JSON, or too much of it.</exception>
    public static RecipientVariables Parse(string json)
    {
        if (Encoding.UTF8.GetByteCount(json) > OctetsMax)
            throw new ApiException(400, $"'recipient-variables' parameter is larger than {OctetsMax} octets");
        try
        {
            using var document =
                JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = DepthMax });
            var all = new Dictionary<string, IReadOnlyDictionary<string, string>>(
                StringComparer.OrdinalIgnoreCase);
            foreach (var recipient in document.RootElement.EnumerateObject())
            {
                var variables = new Dictionary<string, string>(StringComparer.Ordinal);
                foreach (var variable in recipient.Value.EnumerateObject())
                    variables[variable.Name] = TextOf(variable.Value);
                all[recipient.Name] = variables;
            }
            return new RecipientVariables(all);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new ApiException(400, "'recipient-variables' parameter is not a valid JSON", e);
        }
    }

    /// <summary>A value as it stands in a text.</summary>
    public static string TextOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString()!,
        JsonValueKind.Null => "",
        _ => value.GetRawText(),
    };

    /// <summary>The text as this recipient gets it. A key that is not his stays as it stands.</summary>
    public string Fill(string text, ApiAddress recipient)
    {
        var at = text.IndexOf(Mark, StringComparison.Ordinal);
        if (at < 0)
            return text;
        var filled = new StringBuilder(text.Length);
        var done = 0;
        for (; at >= 0; at = text.IndexOf(Mark, at, StringComparison.Ordinal))
        {
            var end = text.IndexOf('%', at + 1);
            if (end < 0)
                break;
            if (Find(text[(at + Mark.Length)..end], recipient) is not { } value)
            {
                // Its last sign may be the first one of another.
                at = end;
                continue;
            }
            filled.Append(text, done, at - done).Append(value);
            at = done = end + 1;
        }
        return filled.Append(text, done, text.Length - done).ToString();
    }

    /// <param name="key">What stands behind <c>%recipient</c>.</param>
    string? Find(string key, ApiAddress recipient)
    {
        var address = recipient.Mailbox.ToString();
        var words = recipient.Name.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return key switch
        {
            "" => recipient.Name.Length == 0 ? address : $"{recipient.Name} <{address}>",
            "_email" => address,
            "_name" => recipient.Name,
            "_fname" => words.FirstOrDefault() ?? "",
            "_lname" => words.Length > 1 ? words[^1] : "",
            ['.', .. var name] when name.Length <= KeyCharactersMax =>
                all.GetValueOrDefault(address)?.GetValueOrDefault(name),
            _ => null,
        };
    }
}
