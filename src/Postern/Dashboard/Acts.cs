using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Postern.Api;
using Postern.Cli;
using Postern.Mta.Accounts;

namespace Postern.Dashboard;

/// <summary>What operators do on pages: each act is one call of the admin API, made in their name over its
/// socket. There is no other way from a page to a change.</summary>
/// <remarks>A form names the call (<c>POST queue/hold?state=ready</c>) and may add fields:
/// <c>query.NAME</c> to the query, <c>body.NAME</c> to a JSON object. The admin API knows what may be; here
/// stands only who may.</remarks>
sealed class Acts(string socket) : IDisposable
{
    const int AnswerOctetsMax = 1 << 20;

    readonly HttpClient http = new(AdminClient.OverSocket(socket))
    {
        BaseAddress = new Uri("http://localhost/admin/v1/"),
        Timeout = TimeSpan.FromMinutes(5),
        MaxResponseContentBufferSize = AnswerOctetsMax,
    };

    /// <summary>Whether somebody in this role may make the call. One whose path leads anywhere else than it
    /// says, by dots or backslashes, nobody may make.</summary>
    public static bool MayDo(OperatorRole role, string call)
    {
        var segments = call[(call.IndexOf(' ', StringComparison.Ordinal) + 1)..].Split('?')[0].Split('/');
        if (!segments.All(IsPlain))
            return false;
        return segments[0] switch
        {
            "queue" or "inbound" or "suppressions" => role >= OperatorRole.Operator,
            "accounts" or "domains" or "users" or "reload" or "log" => role >= OperatorRole.Admin,
            _ => false,
        };
    }

    static bool IsPlain(string segment) =>
        Uri.UnescapeDataString(segment) is not ("" or "." or "..") and var name
        && name.AsSpan().IndexOfAny('/', '\\', '#') < 0 && !name.Any(char.IsControl);

    /// <summary>Makes the call of a form, to its end, whether the browser waits or not: half of it, and
    /// without a note of who did it, nobody wants.</summary>
    public async Task<Notice> DoAsync(Access access, IFormCollection form)
    {
        using var request = RequestOf(form);
        OperatorNote.Sign(request.Headers, access.User, OperatorNote.Page);
        try
        {
            using var answer = await http.SendAsync(request, CancellationToken.None);
            return await ReadAsync(answer);
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            return new Notice(IsGood: false, Text: e.Message);
        }
    }

    static HttpRequestMessage RequestOf(IFormCollection form)
    {
        var call = form["call"].ToString();
        var (method, path) = call.Split(' ', 2) is [var verb, var rest] ? (verb, rest) : ("", "");
        var added = form.Where(field => field.Key.StartsWith("query.", StringComparison.Ordinal))
            .SelectMany(field => field.Value.Select(value => KeyValuePair.Create(
                field.Key["query.".Length..], value)))
            .Where(field => !string.IsNullOrWhiteSpace(field.Value));
        path += QueryString.Create(added).Value is { Length: > 0 } query
            ? path.Contains('?', StringComparison.Ordinal) ? "&" + query[1..] : query : "";
        var request = new HttpRequestMessage(
            method == "DELETE" ? HttpMethod.Delete : HttpMethod.Post, new Uri(path, UriKind.Relative));
        if (BodyOf(form) is { Count: > 0 } body)
            request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        return request;
    }

    static JsonObject BodyOf(IFormCollection form)
    {
        const string prefix = "body.", list = "[]";
        var body = new JsonObject();
        foreach (var (field, values) in form)
        {
            if (!field.StartsWith(prefix, StringComparison.Ordinal))
                continue;
            var name = field[prefix.Length..];
            if (name.EndsWith(list, StringComparison.Ordinal))
                body[name[..^list.Length]] = new JsonArray(
                    [.. values.SelectMany(EntriesOf).Select(entry => (JsonNode)JsonValue.Create(entry)!)]);
            else if (values.ToString() is { Length: > 0 } one)
                body[name] = JsonValue.Create(one);
        }
        return body;
    }

    /// <summary>A list is typed with commas, blanks or lines between its entries.</summary>
    static string[] EntriesOf(string? typed) => (typed ?? "").Split(
        ['\n', ',', ' '], StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    static async Task<Notice> ReadAsync(HttpResponseMessage answer)
    {
        var text = await answer.Content.ReadAsStringAsync();
        try
        {
            if (answer.IsSuccessStatusCode)
                return NoticeOf(JsonNode.Parse(text));
            var error = JsonSerializer.Deserialize(text, AdminJson.Default.ErrorAnswer);
            return new Notice(IsGood: false, Text: error?.Message, Mend: error?.Mend);
        }
        catch (JsonException)
        {
            return new Notice(answer.IsSuccessStatusCode, Text: $"HTTP {(int)answer.StatusCode}");
        }
    }

    static Notice NoticeOf(JsonNode? answer) => answer is not JsonObject members
        ? new Notice(IsGood: true)
        : new Notice(IsGood: true, Count: CountOf(members))
        {
            NeedRestart = members["needRestart"] is JsonArray { Count: > 0 } keys
                ? string.Join(", ", keys.Select(key => key?.ToString())) : null,
            Link = members["link"] is JsonValue link && link.TryGetValue<string>(out var text) ? text : null,
        };

    /// <summary>A lane that is probed is something, too, and not a recipient.</summary>
    static int? CountOf(JsonObject members) =>
        (members["recipients"] ?? members["removed"] ?? members["users"]) is JsonValue count
            && count.TryGetValue<int>(out var number) && (number > 0 || members["lanes"] is null)
                ? number : null;

    public void Dispose() => http.Dispose();
}
