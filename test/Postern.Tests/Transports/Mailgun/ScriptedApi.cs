using System.Net;
using System.Net.Http.Headers;
using System.Text;

namespace Postern.Tests.Transports.Mailgun;

/// <summary>Mailgun's API in the place of the connection: it gives the answers it was told, in
/// order.</summary>
sealed class ScriptedApi : HttpMessageHandler
{
    readonly Queue<Func<Request, CancellationToken, Task<HttpResponseMessage>>> answers = new();

    /// <summary>What was asked, in order.</summary>
    public List<Request> Requests { get; } = [];

    public ScriptedApi Answer(
        int status, string body = "", Action<HttpResponseHeaders>? headers = null) =>
        Do((_, _) => Task.FromResult(Make(status, body, headers)));

    /// <summary>Takes it.</summary>
    public ScriptedApi Accept() => Answer(200, """{"id":"<1@mg.example>","message":"Queued. Thank you."}""");

    public ScriptedApi Do(Func<Request, CancellationToken, Task<HttpResponseMessage>> answer)
    {
        answers.Enqueue(answer);
        return this;
    }

    /// <summary>Fails before it has read anything.</summary>
    public ScriptedApi BreakBeforeReading(Exception e)
    {
        answers.Enqueue((request, _) => request.IsRead
            ? throw new InvalidOperationException("it was read")
            : Task.FromException<HttpResponseMessage>(e));
        return this;
    }

    public static HttpResponseMessage Make(
        int status, string body, Action<HttpResponseHeaders>? headers = null)
    {
        var response = new HttpResponseMessage((HttpStatusCode)status) { Content = new StringContent(body) };
        headers?.Invoke(response.Headers);
        return response;
    }

    protected override async Task<HttpResponseMessage> SendAsync(
        HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var asked = new Request(request);
        Requests.Add(asked);
        Assert.True(answers.Count > 0, $"{request.Method} {request.RequestUri} was not expected");
        return await answers.Dequeue()(asked, cancellationToken);
    }

    /// <summary>One call, and its form once it was read.</summary>
    public sealed class Request(HttpRequestMessage request)
    {
        string? text;

        public string Method => request.Method.Method;
        public string Address { get; } = request.RequestUri!.AbsoluteUri;
        public string? Authorization { get; } = request.Headers.Authorization?.ToString();
        public string? Header(string name) =>
            request.Headers.TryGetValues(name, out var values) ? string.Join(", ", values) : null;

        public bool IsRead => text is not null;

        /// <summary>Octets as Latin-1 characters.</summary>
        public string Text => text ?? throw new InvalidOperationException("it was not read");

        /// <summary>Values of a field of the form.</summary>
        public IEnumerable<string> Field(string name) =>
            from part in Text.Split("--postern-")
            let mark = $"name=\"{name}\"\r\n\r\n"
            where part.Contains(mark)
            select part[(part.IndexOf(mark, StringComparison.Ordinal) + mark.Length)..^2];

        public async Task<string> ReadAsync(CancellationToken cancel)
        {
            using var octets = new MemoryStream();
            if (request.Content is { } content)
                await content.CopyToAsync(octets, cancel);
            Assert.Equal(request.Content?.Headers.ContentLength ?? 0, octets.Length);
            return text = Encoding.Latin1.GetString(octets.ToArray());
        }
    }
}
