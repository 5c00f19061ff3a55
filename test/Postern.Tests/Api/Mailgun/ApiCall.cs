using System.Text.RegularExpressions;

namespace Postern.Tests.Api.Mailgun;

/// <summary>One request of Mailgun's API, and its answer as a line: the status and the whole body, with words
/// in the place of moments and of what is made by chance.</summary>
static partial class ApiCall
{
    public static Task<string> GetAsync(HttpClient http, string path) => SendAsync(http, "GET", path);

    /// <param name="fields">Name, value, name, value, ...</param>
    public static async Task<string> SendAsync(
        HttpClient http, string method, string path, params string[] fields)
    {
        var cancel = TestContext.Current.CancellationToken;
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (fields.Length > 0)
            request.Content = new FormUrlEncodedContent(
                fields.Chunk(2).Select(pair => KeyValuePair.Create(pair[0], pair[1])));
        using var answer = await http.SendAsync(request, cancel);
        var body = await answer.Content.ReadAsStringAsync(cancel);
        return $"{(int)answer.StatusCode} {Secrets.Replace(Moments.Replace(body, "DATE"), "SECRET")}";
    }

    [GeneratedRegex(
        @"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d (GMT|UTC|\+0000)|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d",
        RegexOptions.NonBacktracking)]
    static partial Regex Moments { get; }

    [GeneratedRegex(
        "([0-9a-f]{32}-)?[0-9a-f]{8}-[0-9a-f]{8}|(?<=\":\")[A-Za-z2-9]{32}(?=\")", RegexOptions.None)]
    static partial Regex Secrets { get; }
}
