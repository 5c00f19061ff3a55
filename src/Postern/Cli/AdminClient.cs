using System.Net;
using System.Net.Sockets;
using System.Text.Json.Serialization.Metadata;
using Postern.Api;
using Postern.Mta.Configuration;

namespace Postern.Cli;

/// <summary>Talks to the running server over a unix socket of its data directory.</summary>
sealed class AdminClient(string socket) : IDisposable
{
    readonly HttpClient http = new(new SocketsHttpHandler
    {
        UseProxy = false,
        ConnectCallback = async (_, cancel) =>
        {
            var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await connection.ConnectAsync(new UnixDomainSocketEndPoint(socket), cancel);
            return new NetworkStream(connection, ownsSocket: true);
        },
    })
    {
        BaseAddress = new Uri("http://localhost/"),
        Timeout = Timeout.InfiniteTimeSpan,
    };

    /// <summary>The server a command means (DESIGN §9.6).</summary>
    /// <param name="server">The argument of <c>--server</c>: a socket, or a data directory. Null: not
    /// given.</param>
    /// <param name="name"><c>admin.sock</c> or <c>deliver.sock</c>.</param>
    public static AdminClient Find(string? server, string? config, string name, int exitCode)
    {
        foreach (var candidate in Candidates(server, config, name))
        {
            if (File.Exists(candidate))
                return new AdminClient(candidate);
        }
        throw new CommandException(exitCode, "no running Postern was found",
            "start one with: postern serve, or name it with --server");
    }

    static IEnumerable<string> Candidates(string? server, string? config, string name)
    {
        if ((server ?? Environment.GetEnvironmentVariable("POSTERN_SERVER")) is { Length: > 0 } named)
        {
            yield return Directory.Exists(named) ? Path.Combine(named, name) : named;
            yield break;
        }
        var location = ConfigurationLocation.Find(config, Environment.GetEnvironmentVariable, File.Exists);
        if (location is ConfigurationLocation.InFile file)
        {
            var options = ConfigurationReader.Read(file.Path, new ConfigurationSurroundings()).Options;
            yield return Path.Combine(Path.GetFullPath(options.Data), name);
        }
        yield return Path.Combine("/run/postern", name);
        yield return Path.Combine(SandboxOptions.DataDirectory(Environment.GetEnvironmentVariable), name);
    }

    public async Task<T> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken cancel) =>
        await ReadAsync(new HttpRequestMessage(HttpMethod.Get, path), type, cancel);

    public async Task<T> SendAsync<T>(
        HttpMethod method, string path, HttpContent? body, JsonTypeInfo<T> type, CancellationToken cancel) =>
        await ReadAsync(new HttpRequestMessage(method, path) { Content = body }, type, cancel);

    /// <summary>The lines of an answer, one JSON object each.</summary>
    public async Task<IReadOnlyList<string>> GetLinesAsync(string path, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        using var response = await AnswerAsync(request, cancel);
        var text = await response.Content.ReadAsStringAsync(cancel);
        return text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    async Task<T> ReadAsync<T>(HttpRequestMessage request, JsonTypeInfo<T> type, CancellationToken cancel)
    {
        using (request)
        {
            using var response = await AnswerAsync(request, cancel);
            return await response.Content.ReadFromJsonAsync(type, cancel)
                ?? throw new CommandException(ExitCode.Unavailable, "the server gave an empty answer");
        }
    }

    async Task<HttpResponseMessage> AnswerAsync(HttpRequestMessage request, CancellationToken cancel)
    {
        HttpResponseMessage response;
        try
        {
            response = await http.SendAsync(request, cancel);
        }
        catch (HttpRequestException e)
        {
            throw new CommandException(
                ExitCode.Unavailable, $"no answer on {socket}: {e.Message}", "is the server running?");
        }
        if (response.IsSuccessStatusCode)
            return response;
        using (response)
            throw await ExplainAsync(response, cancel);
    }

    static async Task<CommandException> ExplainAsync(HttpResponseMessage response, CancellationToken cancel)
    {
        var error = response.Content.Headers.ContentType?.MediaType == "application/json"
            ? await response.Content.ReadFromJsonAsync(AdminJson.Default.ErrorAnswer, cancel)
            : null;
        var code = response.StatusCode switch
        {
            HttpStatusCode.NotFound => ExitCode.NoUser,
            HttpStatusCode.BadRequest => ExitCode.Usage,
            HttpStatusCode.UnprocessableEntity => ExitCode.Configuration,
            HttpStatusCode.Conflict or HttpStatusCode.Unauthorized => ExitCode.NoPermission,
            _ => ExitCode.Unavailable,
        };
        return new CommandException(
            code, error?.Message ?? $"the server answered {(int)response.StatusCode}", error?.Mend);
    }

    public void Dispose() => http.Dispose();
}
