using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Logging;

namespace Postern.Interop.Peers;

/// <summary>Mailgun's HTTPS API on a loopback port, as far as a relay uses it: <c>messages.mime</c> and
/// <c>events</c>, with the answers that are on record of the real one.</summary>
/// <remarks>It takes what it can parse, knows each message it took in its events, and misbehaves as it is
/// told: one of <see cref="Faults"/> for each message posted, in order.</remarks>
sealed partial class MailgunDouble : IAsyncDisposable
{
    public const string Domain = "mg.test";
    const string Json = "application/json; charset=utf-8";

    readonly TemporaryDirectory directory = new();
    readonly WebApplication app;
    readonly List<JsonObject> events = [];
    int ids;

    MailgunDouble(int port)
    {
        var (certificate, key) = Certificate.Make(directory);
        (CertificateFile, KeyFile) = (certificate, key);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = 60_000_000;
            kestrel.Listen(IPAddress.Loopback, port, listen =>
                listen.UseHttps(X509Certificate2.CreateFromPemFile(certificate, key)));
        });
        app = builder.Build();
        app.Run(AnswerAsync);
    }

    /// <summary>The one key it takes; it may be changed.</summary>
    public string Key { get; set; } = "key-right";

    /// <summary>Authority of its certificate, PEM.</summary>
    public string CertificateFile { get; }

    public string KeyFile { get; }

    /// <summary>What becomes of a recipient whose message it took. Null: nothing that it tells.</summary>
    public Func<string, MailgunFate>? FateOf { get; set; }

    /// <summary>Gets each event beside <c>accepted</c>.</summary>
    public Action<JsonObject>? Told { get; set; }

    public int Port { get; private set; }

    /// <summary>What it took, in the order of arrival.</summary>
    public ConcurrentQueue<TakenMessage> Messages { get; } = new();

    /// <summary>One for each message that is posted to it next; none left: it behaves.</summary>
    public ConcurrentQueue<MailgunFault> Faults { get; } = new();

    /// <summary>One for each time that its events are asked for.</summary>
    public ConcurrentQueue<MailgunFault> EventFaults { get; } = new();

    /// <summary>The queries of its events, as they came.</summary>
    public ConcurrentQueue<string> EventQueries { get; } = new();

    /// <summary>How often a message was posted, taken or not; a look without one does not count.</summary>
    public int Posts => posts;

    int posts;

    /// <summary>Recipients of all messages it took, with repeats.</summary>
    public IEnumerable<string> Recipients => Messages.SelectMany(message => message.Recipients);

    /// <summary><c>[transports.NAME]</c> that leads here.</summary>
    /// <param name="pollEvents">How often its events are asked for beside attempts.</param>
    public string Transport(
        string keyReference, string name = "mailgun", string pollEvents = "none") => $"""
        [transports.{name}]
        kind = "mailgun"
        domain = "{Domain}"
        key = "{keyReference}"
        host = "[127.0.0.1]:{Port}"
        ca = "file:{CertificateFile}"
        poll-events = "{pollEvents}"

        """;

    public static async Task<MailgunDouble> StartAsync(int port = 0)
    {
        var made = new MailgunDouble(port);
        await made.app.StartAsync(TestContext.Current.CancellationToken);
        made.Port = new Uri(made.app.Urls.Single()).Port;
        return made;
    }

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        directory.Dispose();
    }

    async Task AnswerAsync(HttpContext context)
    {
        var path = context.Request.Path.Value!.Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (context.Request.Headers.Authorization != Expected)
        {
            context.Response.Headers.WWWAuthenticate = "Basic realm=\"MG API\"";
            await WriteAsync(context, 401, "Forbidden", "text/plain; charset=utf-8");
            return;
        }
        if (path is not ["v3", var domain, ..] || !domain.Equals(Domain, StringComparison.OrdinalIgnoreCase))
        {
            await RefuseAsync(context, 404, $"Domain not found: {path.ElementAtOrDefault(1)}");
            return;
        }
        switch (context.Request.Method, path)
        {
            case ("POST", [_, _, "messages.mime"]):
                await TakeMessageAsync(context);
                break;
            case ("GET", [_, _, "events", ..]):
                await ShowEventsAsync(context, path.ElementAtOrDefault(3));
                break;
            case (_, [_, _, "bounces" or "unsubscribes" or "complaints"]):
                await AnswerListAsync(context, path[2]);
                break;
            default:
                await RefuseAsync(context, 404, "Not Found");
                break;
        }
    }

    string Expected => new AuthenticationHeaderValue(
        "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"api:{Key}"))).ToString();

    async Task TakeMessageAsync(HttpContext context)
    {
        if (context.Request.ContentType?.StartsWith("multipart/form-data", StringComparison.Ordinal) != true)
        {
            await RefuseAsync(context, 400, "to parameter is missing");
            return;
        }
        Interlocked.Increment(ref posts);
        Faults.TryDequeue(out var fault);
        if (fault is MailgunFault.ResetBefore)
        {
            context.Abort();
            return;
        }
        if (fault is MailgunFault.Answer answer)
        {
            // Read first: as a service behind a front that does.
            await context.Request.Body.CopyToAsync(Stream.Null);
            await WriteAsync(context, answer);
            return;
        }
        var form = await ReadFormAsync(context.Request);
        if (fault is MailgunFault.LostMessage)
        {
            context.Abort();
            return;
        }
        if (Objection(form) is { } objection)
        {
            await RefuseAsync(context, 400, objection);
            return;
        }
        var taken = Take(form, context.Request.Protocol);
        if (fault is MailgunFault.Slow { Time: var time })
            await Task.Delay(time, TimeProvider.System, context.RequestAborted);
        switch (fault)
        {
            case MailgunFault.ResetAfter:
                context.Abort();
                break;
            case MailgunFault.BrokenAnswer broken:
                await WriteAsync(context, 200, broken.Body, Json);
                break;
            default:
                await WriteAsync(context, 200, new JsonObject
                {
                    ["id"] = taken.Id,
                    ["message"] = "Queued. Thank you.",
                }.ToJsonString(), Json);
                break;
        }
    }

    static string? Objection(List<(string Name, string? File, byte[] Value)> form)
    {
        var recipients = form.Where(part => part.Name == "to").Select(Text).ToArray();
        if (recipients.Length == 0)
            return "to parameter is missing";
        if (recipients.Length > 1000)
            return "Too many recipients, max is 1000";
        // As far as it looks: a domain has a dot.
        if (!recipients.All(recipient => recipient.Split('@') is [{ Length: > 0 }, var d] && d.Contains('.')))
            return "to parameter is not a valid address. please check documentation";
        var message = form.Find(part => part.Name == "message");
        return message.Value is null ? "message parameter is missing"
            : message.File is null ? "'message' parameter is not a file" : null;
    }

    TakenMessage Take(List<(string Name, string? File, byte[] Value)> form, string protocol) => Take(
        [.. form.Where(part => part.Name == "to").Select(Text)],
        form.Find(part => part.Name == "message").Value,
        form.Where(part => part.File is null && part.Name != "to").ToLookup(part => part.Name, Text),
        protocol);

    /// <summary>What came by SMTP.</summary>
    public void Take(IReadOnlyList<string> recipients, byte[] mime) =>
        Take(recipients, mime, Array.Empty<string>().ToLookup(field => field), "SMTP");

    TakenMessage Take(
        IReadOnlyList<string> recipients, byte[] mime, ILookup<string, string> fields, string protocol)
    {
        var found = MessageId().Match(Encoding.Latin1.GetString(mime));
        var id = found.Success
            ? found.Groups[1].Value
            : string.Create(CultureInfo.InvariantCulture, $"<{Interlocked.Increment(ref ids)}@{Domain}>");
        var taken = new TakenMessage(id, recipients, mime, fields, protocol);
        Messages.Enqueue(taken);
        foreach (var recipient in recipients)
        {
            AddEvent(taken, recipient, "accepted");
            if (FateOf is { } fate)
                Tell(taken, recipient, fate(recipient));
        }
        return taken;
    }

    void Tell(TakenMessage message, string recipient, MailgunFate fate)
    {
        if (fate is MailgunFate.DelayedThenDelivered)
            Told?.Invoke(AddEvent(message, recipient, "failed", ("temporary", "generic", 450, "4.2.0")));
        if (fate is MailgunFate.Bounced)
        {
            Told?.Invoke(AddEvent(message, recipient, "failed", ("permanent", "bounce", 550, "5.1.1")));
            return;
        }
        Told?.Invoke(AddEvent(message, recipient, "delivered"));
        if (fate is MailgunFate.Complained)
            Told?.Invoke(AddEvent(message, recipient, "complained"));
    }

    JsonObject AddEvent(
        TakenMessage message, string recipient, string kind,
        (string Severity, string Reason, int Code, string Enhanced)? failure = null)
    {
        var told = new JsonObject
        {
            ["event"] = kind,
            ["timestamp"] = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0,
            ["log-level"] = "info",
            ["method"] = "HTTP",
            ["recipient"] = recipient,
            ["recipient-domain"] = recipient.Split('@')[1],
            ["message"] = new JsonObject
            {
                ["headers"] = new JsonObject { ["message-id"] = message.Id.Trim('<', '>') },
                ["size"] = message.Mime.Length,
            },
            ["user-variables"] = new JsonObject(
                from field in message.Fields
                where field.Key.StartsWith("v:", StringComparison.Ordinal)
                select KeyValuePair.Create<string, JsonNode?>(field.Key[2..], field.Last())),
        };
        if (failure is { } why)
        {
            told["severity"] = why.Severity;
            told["reason"] = why.Reason;
            told["delivery-status"] = new JsonObject
            {
                ["code"] = why.Code,
                ["message"] = $"{why.Enhanced} as the test wants it",
                ["enhanced-code"] = why.Enhanced,
                ["description"] = null,
            };
        }
        lock (events)
        {
            told["id"] = string.Create(CultureInfo.InvariantCulture, $"event-{events.Count:D16}");
            events.Add(told);
        }
        return told;
    }

    /// <summary>Filtered; the token of a page is its query and place.</summary>
    async Task ShowEventsAsync(HttpContext context, string? token)
    {
        if (EventFaults.TryDequeue(out var fault))
        {
            if (fault is MailgunFault.Answer answer)
                await WriteAsync(context, answer);
            else
                context.Abort();
            return;
        }
        EventQueries.Enqueue(context.Request.QueryString.Value!);
        var queryText = context.Request.QueryString.Value!;
        var skip = 0;
        if (token is not null)
        {
            var parts = Encoding.UTF8.GetString(WebEncoders.Base64UrlDecode(token)).Split(' ', 2);
            (skip, queryText) = (int.Parse(parts[0], CultureInfo.InvariantCulture), parts[1]);
        }
        var query = QueryHelpers.ParseQuery(queryText);
        var limit = query.TryGetValue("limit", out var given)
            ? int.Parse(given[^1]!, CultureInfo.InvariantCulture) : 100;
        if (limit > 300)
        {
            await RefuseAsync(context, 400, "The 'limit' parameter can't be larger than 300");
            return;
        }
        JsonNode[] items;
        lock (events)
        {
            // Oldest first is asked for with a beginning.
            var order = query.ContainsKey("ascending") ? events.AsEnumerable()
                : events.AsEnumerable().Reverse();
            items = [.. order.Where(item => IsWanted(item, query)).Skip(skip).Take(limit)
                .Select(item => item.DeepClone())];
        }
        var first = $"{context.Request.Scheme}://{context.Request.Host}/v3/{Domain}/events/";
        string Page(int at) => first + WebEncoders.Base64UrlEncode(
            Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{at} {queryText}")));
        await WriteAsync(context, 200, new JsonObject
        {
            ["items"] = new JsonArray(items),
            ["paging"] = new JsonObject
            {
                ["next"] = Page(skip + items.Length),
                ["previous"] = Page(Math.Max(0, skip - limit)),
                ["first"] = Page(0),
                ["last"] = Page(int.MaxValue),
            },
        }.ToJsonString(), Json);
    }

    static bool IsWanted(
        JsonObject item, Dictionary<string, Microsoft.Extensions.Primitives.StringValues> query)
    {
        bool Fits(string name, string? value) => !query.TryGetValue(name, out var wanted)
            || wanted.All(one => one!.Split(" OR ").Contains(value, StringComparer.OrdinalIgnoreCase));
        var begin = query.TryGetValue("begin", out var from)
            ? double.Parse(from[^1]!, CultureInfo.InvariantCulture) : 0;
        return (double)item["timestamp"]! >= begin && Fits("event", (string?)item["event"])
            && Fits("recipient", (string?)item["recipient"])
            && Fits("message-id", (string?)item["message"]!["headers"]!["message-id"]);
    }

    static async Task<List<(string Name, string? File, byte[] Value)>> ReadFormAsync(HttpRequest request)
    {
        var boundary = MediaTypeHeaderValue.Parse(request.ContentType!).Parameters
            .Single(parameter => parameter.Name == "boundary").Value!.Trim('"');
        var reader = new MultipartReader(boundary, request.Body);
        var form = new List<(string, string?, byte[])>();
        while (await reader.ReadNextSectionAsync() is { } section)
        {
            var disposition = ContentDispositionHeaderValue.Parse(section.ContentDisposition!);
            using var value = new MemoryStream();
            await section.Body.CopyToAsync(value);
            form.Add((disposition.Name!.Trim('"'), disposition.FileName?.Trim('"'), value.ToArray()));
        }
        return form;
    }

    static string Text((string Name, string? File, byte[] Value) part) => Encoding.UTF8.GetString(part.Value);

    static Task RefuseAsync(HttpContext context, int status, string message) =>
        WriteAsync(context, status, new JsonObject { ["message"] = message }.ToJsonString(), Json);

    static Task WriteAsync(HttpContext context, MailgunFault.Answer answer)
    {
        if (answer.RetryAfter is { } wish)
            context.Response.Headers.RetryAfter = wish;
        return WriteAsync(context, answer.Status, answer.Body, Json);
    }

    static Task WriteAsync(HttpContext context, int status, string body, string type)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = type;
        return context.Response.WriteAsync(body);
    }

    [GeneratedRegex(@"^Message-ID:\s*(<[^>]+>)", RegexOptions.Multiline | RegexOptions.IgnoreCase)]
    private static partial Regex MessageId();
}

/// <summary>A message it has answered 200 to, or would have.</summary>
/// <param name="Id">With angle brackets: the message's own Message-ID where it has one.</param>
/// <param name="Fields">All but <c>to</c> and <c>message</c>.</param>
/// <param name="Protocol">HTTP/1.1 or HTTP/2.</param>
sealed record TakenMessage(
    string Id, IReadOnlyList<string> Recipients, byte[] Mime, ILookup<string, string> Fields,
    string Protocol);

/// <summary>What it does wrong, once.</summary>
abstract record MailgunFault
{
    /// <summary>Reads all and answers that; nothing is taken.</summary>
    public sealed record Answer(int Status, string Body, string? RetryAfter = null) : MailgunFault;

    /// <summary>Breaks off without reading what is posted.</summary>
    public sealed record ResetBefore : MailgunFault;

    /// <summary>Takes it and breaks off: the answer is lost.</summary>
    public sealed record ResetAfter : MailgunFault;

    /// <summary>Takes it and answers so much later.</summary>
    public sealed record Slow(TimeSpan Time) : MailgunFault;

    /// <summary>Reads all, forgets it, and breaks off.</summary>
    public sealed record LostMessage : MailgunFault;

    /// <summary>Takes it and answers 200 with this.</summary>
    public sealed record BrokenAnswer(string Body) : MailgunFault;
}

/// <summary>What becomes of a recipient after it was taken.</summary>
enum MailgunFate
{
    Delivered,
    DelayedThenDelivered,
    Bounced,
    Complained,
}
