using System.Text.RegularExpressions;

namespace Postern.Tests.Api.Mailgun;

/// <summary>Whole answers of the API, in which only ids, dates and the address of the server are
/// replaced.</summary>
static partial class MailgunJson
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <returns>The status, a blank, and the body.</returns>
    public static async Task<string> AskAsync(
        this HttpClient http, string method, string path, params string[] fields)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (fields.Length > 0)
            request.Content = new FormUrlEncodedContent(fields.Select(field => field.Split('=', 2))
                .Select(field => new KeyValuePair<string, string>(field[0], field[1])));
        return await http.AnswerAsync(request);
    }

    /// <summary>The same with a JSON body.</summary>
    public static async Task<string> AskJsonAsync(
        this HttpClient http, string method, string path, string json)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        request.Content = new StringContent(json, System.Text.Encoding.UTF8, "application/json");
        return await http.AnswerAsync(request);
    }

    static async Task<string> AnswerAsync(this HttpClient http, HttpRequestMessage request)
    {
        using var response = await http.SendAsync(request, Cancel);
        var body = await response.Content.ReadAsStringAsync(Cancel);
        return $"{(int)response.StatusCode} {Cleaned(body, http.BaseAddress!)}";
    }

    static string Cleaned(string body, Uri home)
    {
        body = body.Replace(home.ToString(), "HOME/", StringComparison.Ordinal);
        body = Id().Replace(body, "ID");
        return Date().Replace(body, "DATE$1$2");
    }

    [GeneratedRegex("[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")]
    private static partial Regex Id();

    [GeneratedRegex(
        @"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-3]\d [A-Z][a-z]{2} 20\d\d [\d:]{8}( UTC| [+-]0000)"
        + @"|20\d\d-[01]\d-[0-3]\dT[\d:]{8}(Z)")]
    private static partial Regex Date();
}

/// <summary>What was asked and answered, for a golden file.</summary>
sealed class MailgunTranscript(HttpClient http)
{
    readonly System.Text.StringBuilder said = new();

    public async Task AskAsync(string method, string path, params string[] fields)
    {
        said.AppendLine(method + " " + path);
        foreach (var field in fields)
            said.AppendLine("  " + field);
        said.AppendLine(await http.AskAsync(method, path, fields)).AppendLine();
    }

    public async Task AskJsonAsync(string method, string path, string json)
    {
        said.AppendLine(method + " " + path).AppendLine("  " + json);
        said.AppendLine(await http.AskJsonAsync(method, path, json)).AppendLine();
    }

    public void Say(string line) => said.AppendLine(line).AppendLine();

    public override string ToString() => said.ToString();
}
