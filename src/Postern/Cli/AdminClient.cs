using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json.Serialization.Metadata;
using Postern.Api;
using Postern.Mta.Configuration;

namespace Postern.Cli;

/// <summary>Talks to the running server over a unix socket, or over http with its token.</summary>
sealed class AdminClient : IDisposable
{
    /// <summary>Names the server like <c>--server</c>.</summary>
    public const string ServerVariable = "POSTERN_SERVER";

    readonly HttpClient http;
    readonly string where;

    /// <param name="where">A socket, or <c>http://host:port</c>.</param>
    /// <param name="token">For http: the bearer token. Null: none is known.</param>
    AdminClient(string where, string? token = null)
    {
        this.where = where;
        var isHttp = IsHttp(where);
        http = new HttpClient(isHttp ? new SocketsHttpHandler { UseProxy = false } : OverSocket(where))
        {
            BaseAddress = new Uri(isHttp ? where : "http://localhost/"),
            Timeout = Timeout.InfiniteTimeSpan,
        };
        if (token is not null)
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        OperatorNote.Sign(http.DefaultRequestHeaders, Environment.UserName, OperatorNote.Command);
    }

    /// <summary>Connects to a unix socket, whatever host is asked for.</summary>
    public static SocketsHttpHandler OverSocket(string socket) => new()
    {
        UseProxy = false,
        ConnectCallback = async (_, cancel) =>
        {
            var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await connection.ConnectAsync(new UnixDomainSocketEndPoint(socket), cancel);
            return new NetworkStream(connection, ownsSocket: true);
        },
    };

    static bool IsHttp(string where) =>
        where.StartsWith("http://", StringComparison.Ordinal)
        || where.StartsWith("https://", StringComparison.Ordinal);

    /// <summary>The server a command means (DESIGN §9.6).</summary>
    /// <param name="server">The argument of <c>--server</c>: a socket, or a data directory. Null: not
    /// given.</param>
    /// <param name="name"><c>admin.sock</c> or <c>deliver.sock</c>.</param>
    public static AdminClient Find(string? server, string? config, string name, int exitCode)
    {
        foreach (var candidate in Candidates(server, config, name))
        {
            if (IsHttp(candidate))
                return new AdminClient(candidate, ReadToken(config));
            if (File.Exists(candidate))
                return new AdminClient(candidate);
        }
        throw new CommandException(exitCode, "no running Postern was found",
            "start one with: postern serve, or name it with --server");
    }

    static IEnumerable<string> Candidates(string? server, string? config, string name)
    {
        if ((server ?? Environment.GetEnvironmentVariable(ServerVariable)) is { Length: > 0 } named)
        {
            yield return Directory.Exists(named) ? Path.Combine(named, name) : named;
            yield break;
        }
        foreach (var data in DataDirectories(config))
            yield return Path.Combine(data, name);
        yield return Path.Combine("/run/postern", name);
        yield return Path.Combine(SandboxOptions.DataDirectory(Environment.GetEnvironmentVariable), name);
    }

    /// <summary>The data directory of the configuration found; none without a configuration.</summary>
    static IEnumerable<string> DataDirectories(string? config)
    {
        var location = ConfigurationLocation.Find(config, Environment.GetEnvironmentVariable, File.Exists);
        if (location is ConfigurationLocation.InFile file)
            yield return Path.GetFullPath(
                ConfigurationReader.Read(file.Path, new ConfigurationSurroundings()).Options.Data);
    }

    /// <summary><c>POSTERN_TOKEN</c>, or <c>admin.token</c> where it may be read.</summary>
    static string? ReadToken(string? config)
    {
        if (Environment.GetEnvironmentVariable("POSTERN_TOKEN") is { Length: > 0 } token)
            return token;
        var sandbox = SandboxOptions.DataDirectory(Environment.GetEnvironmentVariable);
        var file = DataDirectories(config).Append(sandbox)
            .Select(data => Path.Combine(data, "admin.token")).FirstOrDefault(File.Exists);
        return file is null ? null : File.ReadAllText(file).Trim();
    }

    public async Task<T> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken cancel) =>
        await ReadAsync(new HttpRequestMessage(HttpMethod.Get, path), type, cancel);

    public async Task<T> SendAsync<T>(
        HttpMethod method, string path, HttpContent? body, JsonTypeInfo<T> type, CancellationToken cancel) =>
        await ReadAsync(new HttpRequestMessage(method, path) { Content = body }, type, cancel);

    /// <summary>The lines of an answer, one JSON object each, and where the next ones begin.</summary>
    public async Task<(IReadOnlyList<string> Lines, string Next)> GetLinesAsync(
        string path, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        using var response = await AnswerAsync(request, cancel);
        var text = await response.Content.ReadAsStringAsync(cancel);
        var next = response.Headers.TryGetValues(WebApi.NextHeader, out var values) ? values.First() : "0";
        return (text.Split('\n', StringSplitOptions.RemoveEmptyEntries), next);
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
                ExitCode.Unavailable, $"no answer on {where}: {e.Message}", "is the server running?");
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
            HttpStatusCode.Conflict or HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden =>
                ExitCode.NoPermission,
            _ => ExitCode.Unavailable,
        };
        return new CommandException(
            code, error?.Message ?? $"the server answered {(int)response.StatusCode}", error?.Mend);
    }

    public void Dispose() => http.Dispose();
}
