using Postern.Mta.Transports.PubSub;
using StackExchange.Redis;

namespace Postern.Mta.Transports.Brokers;

/// <summary>A stream of Redis or Valkey: XADD, acknowledged by the id of the entry.</summary>
/// <remarks>
/// NOMKSTREAM: a stream that nobody made has no reader, so that a mistyped name holds mail instead of
/// hiding it. The fields of an entry are the attributes and <c>data</c>, the document.
/// </remarks>
sealed class RedisLink : BrokerLink
{
    const int Port = 6379;

    /// <summary>ms. Of one answer; a server that swaps or forks answers later than the library's
    /// 5 s.</summary>
    const int AnswerMsMax = 20_000;

    /// <summary>ms. Of the connection; the library waits so long also where it is refused at once.</summary>
    const int ConnectMsMax = 5_000;

    /// <summary>The field that holds the document.</summary>
    internal const string DataField = "data";

    readonly string stream;
    readonly SharedConnection<ConnectionMultiplexer> connection;

    public RedisLink(TransportOptions options)
    {
        stream = options.Stream ?? throw new ArgumentException("there is no stream", nameof(options));
        var settings = SettingsOf(options);
        var login = BrokerServer.LoginOf(options);
        connection = new SharedConnection<ConnectionMultiplexer>(
            cancel => OpenAsync(settings, login, cancel), static open => open.DisposeAsync());
    }

    public override string Target => $"stream {stream}";

    public override async Task<PublishOutcome> PublishAsync(BrokerMessage message, CancellationToken cancel)
    {
        var arguments = new List<object> { (RedisKey)stream, "NOMKSTREAM", "*" };
        foreach (var (name, value) in message.Attributes)
        {
            arguments.Add(name);
            arguments.Add(value);
        }
        arguments.Add(DataField);
        arguments.Add((RedisValue)message.Document);
        var (answer, failure) = await AskAsync("XADD", arguments, cancel).ConfigureAwait(false);
        return failure ?? ((string?)answer is { } id ? new PublishOutcome.Published(id) : Missing());
    }

    public override async Task<PublishOutcome?> CheckAsync(CancellationToken cancel)
    {
        var (answer, failure) =
            await AskAsync("TYPE", [(RedisKey)stream], cancel).ConfigureAwait(false);
        return (string?)answer switch
        {
            // TYPE takes a permission that a publisher may lack: its refusal proves nothing.
            null when failure is PublishOutcome.Misconfigured { Kind: PublishOutcome.TopicAlarm } =>
                Unavailable("no answer"),
            null => failure,
            "none" => Missing(),
            "stream" => null,
            var other => NoStream($"{stream} is a {other}"),
        };
    }

    public override ValueTask DisposeAsync() => connection.DisposeAsync();

    /// <summary>What an error means for mail. Internal for its tests.</summary>
    internal static PublishOutcome OutcomeOf(Exception error, string stream) => error switch
    {
        RedisServerException { Kind: RedisErrorKind.NoAuth or RedisErrorKind.WrongPass } =>
            LoginRefused(error.Message),
        RedisConnectionException { FailureType: ConnectionFailureType.AuthenticationFailure } =>
            IsCertificates(error)
                ? Unavailable($"TLS failed: {Innermost(error)}")
                : LoginRefused(Innermost(error)),
        RedisServerException { Kind: RedisErrorKind.NoPermission or RedisErrorKind.NotPermitted } =>
            Wrong(error.Message, $"let the user run XADD on {stream}"),
        RedisServerException { Kind: RedisErrorKind.WrongType } =>
            Wrong($"{stream} is no stream: {error.Message}", $"give {stream} another name, or take it away"),
        RedisServerException { Kind: RedisErrorKind.OutOfMemory } =>
            Wrong(error.Message, "trim the stream, or raise maxmemory"),
        RedisServerException { Kind: RedisErrorKind.Misconfigured } =>
            Wrong(error.Message, "see the server's disk and log"),
        RedisServerException { Kind: RedisErrorKind.UnknownCommand } =>
            Wrong(error.Message, "streams without creation need Redis 6.2 or later"),
        // Its own text advises settings of the library.
        RedisConnectionException { FailureType: var failure } =>
            Unavailable($"no connection to Redis: {failure}"),
        _ => Unavailable(error.Message),
    };

    PublishOutcome Missing() => Wrong(
        $"the stream {stream} does not exist", $"create it: XGROUP CREATE {stream} readers $ MKSTREAM");

    PublishOutcome NoStream(string text) => Wrong(text, $"give {stream} another name, or take it away");

    async Task<(RedisResult? Answer, PublishOutcome? Failure)> AskAsync(
        string command, List<object> arguments, CancellationToken cancel)
    {
        ConnectionMultiplexer? open = null;
        try
        {
            open = await connection.GetAsync(cancel).ConfigureAwait(false);
            var answer = open.GetDatabase().ExecuteAsync(command, arguments, CommandFlags.DemandMaster);
            return (await answer.WaitAsync(cancel).ConfigureAwait(false), null);
        }
        catch (Exception e) when (e is RedisException or TimeoutException or ObjectDisposedException)
        {
            // Also where an answer is late: what comes next shall not wait behind it.
            if (open is not null && e is not RedisServerException)
                await connection.DropAsync(open).ConfigureAwait(false);
            return (null, OutcomeOf(e, stream));
        }
    }

    async Task<ConnectionMultiplexer> OpenAsync(
        ConfigurationOptions settings, (string User, string Password)? login, CancellationToken cancel)
    {
        var opening = ConnectionMultiplexer.ConnectAsync(settings);
        ConnectionMultiplexer open;
        try
        {
            open = await opening.WaitAsync(cancel).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // Nobody waits for it any more: it is closed when it is there.
            _ = opening.ContinueWith(
                static done => done.Result.Dispose(), CancellationToken.None,
                TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
            throw;
        }
        try
        {
            await LogInAsync(open, login, cancel).ConfigureAwait(false);
        }
        catch
        {
            await open.DisposeAsync().ConfigureAwait(false);
            throw;
        }
        // The library would connect again by itself and not ask whether the login still holds.
        open.ConnectionFailed += (_, _) => _ = connection.DropAsync(open).AsTask();
        return open;
    }

    /// <summary>The library goes on as the default user where its login is refused: we never do.</summary>
    static async Task LogInAsync(
        ConnectionMultiplexer open, (string User, string Password)? login, CancellationToken cancel)
    {
        if (login is not var (user, password))
            return;
        foreach (var server in open.GetServers().Where(static server => server.IsConnected))
            await server.ExecuteAsync("AUTH", user, password).WaitAsync(cancel).ConfigureAwait(false);
    }

    static ConfigurationOptions SettingsOf(TransportOptions options)
    {
        var settings = new ConfigurationOptions
        {
            // A first connection that fails says why, and is not tried again behind our back.
            AbortOnConnectFail = true,
            ConnectRetry = 1,
            BacklogPolicy = BacklogPolicy.FailFast,
            ConnectTimeout = ConnectMsMax,
            AsyncTimeout = AnswerMsMax,
            ClientName = "postern",
            // Neither is needed to publish, and both need permissions of their own.
            ConfigurationChannel = "",
            TieBreaker = "",
            IncludeDetailInExceptions = false,
            Ssl = BrokerServer.UsesTls(options),
            SslClientAuthenticationOptions = host => BrokerServer.AuthenticationOf(options, host),
        };
        foreach (var server in BrokerServer.AllOf(options, Port))
            settings.EndPoints.Add(server.Host, server.Port);
        if (BrokerServer.LoginOf(options) is var (user, password))
            (settings.User, settings.Password) = (user, password);
        return settings;
    }

    static bool IsCertificates(Exception error)
    {
        for (var inner = error.InnerException; inner is not null; inner = inner.InnerException)
            if (inner is System.Security.Authentication.AuthenticationException)
                return true;
        return false;
    }

    static string Innermost(Exception error) => error.GetBaseException().Message;
}
