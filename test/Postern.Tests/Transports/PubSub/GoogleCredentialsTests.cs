using System.Security.Cryptography;
using System.Text.Json;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Postern.Mta;
using Postern.Mta.Inbound;
using Postern.Mta.Transports.Claims;
using Postern.Mta.Transports.PubSub;
using Postern.Mta.Webhooks;
using Postern.Tests.Doubles;
using Postern.Tests.Transports.Claims;

namespace Postern.Tests.Transports.PubSub;

/// <summary>Google's library reads the environment of the process: these tests set it, one after
/// another.</summary>
[Collection("environment of Google's credentials")]
public sealed class GoogleCredentialsTests : IDisposable
{
    const string FileVariable = "GOOGLE_APPLICATION_CREDENTIALS";

    readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("adc");

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        Environment.SetEnvironmentVariable(FileVariable, null);
        folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Token_ServiceAccountFile_IsSelfSignedForPubSub()
    {
        using var key = RSA.Create(2048);
        UseFile(ServiceAccount(key));
        var metadata = new Metadata();
        Assert.Null(await Live().TryAddAsync(metadata, Cancel));
        var token = metadata.GetValue("authorization")!["Bearer ".Length..].Split('.');
        using var claims = JsonDocument.Parse(System.Buffers.Text.Base64Url.DecodeFromChars(token[1]));
        Assert.Equal("https://pubsub.googleapis.com/", claims.RootElement.GetProperty("aud").GetString());
        Assert.Equal("postern@acme.iam.gserviceaccount.example",
            claims.RootElement.GetProperty("iss").GetString());
        Assert.True(key.VerifyData(
            System.Text.Encoding.ASCII.GetBytes($"{token[0]}.{token[1]}"),
            System.Buffers.Text.Base64Url.DecodeFromChars(token[2]),
            HashAlgorithmName.SHA256,
            RSASignaturePadding.Pkcs1));
    }

    [Fact]
    public async Task Token_OfABucket_IsSignedForStorage()
    {
        using var key = RSA.Create(2048);
        UseFile(ServiceAccount(key));
        await using var server = await ObjectServer.StartAsync();
        var said = new List<string>();
        server.Fault = context =>
        {
            said.Add(context.Request.Headers.Authorization.ToString());
            return Task.FromResult(false);
        };
        using var store = Bucket(server.Address.AbsoluteUri);
        Assert.IsType<DescribedMail.Ready>(
            await store.DescribeAsync(AttemptOf.Text("Subject: x\r\n\r\n", "a@b.example"), 0, Cancel));
        var token = Assert.Single(said)["Bearer ".Length..].Split('.');
        using var claims = JsonDocument.Parse(System.Buffers.Text.Base64Url.DecodeFromChars(token[1]));
        Assert.Equal("https://storage.googleapis.com/", claims.RootElement.GetProperty("aud").GetString());
    }

    [Fact]
    public async Task Token_OfABucketThatThereIsNone_HoldsTheMailUnderAnAlarm()
    {
        UseFile("{}");
        using var store = Bucket("http://127.0.0.1:1");
        var waits = Assert.IsType<DescribedMail.Waits>(
            await store.DescribeAsync(AttemptOf.Text("Subject: x\r\n\r\n", "a@b.example"), 0, Cancel));
        Assert.Equal("claims", waits.Why.Alarm?.Kind);
    }

    [Theory]
    [InlineData("127.0.0.1:4443", null)]
    [InlineData("http://localhost:4443", null)]
    [InlineData("storage.example:4443", "only an emulator on this machine's loopback is allowed")]
    [InlineData("http://192.0.2.1", "only an emulator on this machine's loopback is allowed")]
    public void StorageEmulator_IsOneOfThisMachine(string host, string? problem)
    {
        Environment.SetEnvironmentVariable(GcsClaims.EmulatorVariable, host);
        try
        {
            var options = new TransportOptions { ClaimBucket = "gs://mail" };
            Assert.Equal(problem, BucketAddress.FindProblem(options)?.Split(": ")[^1]);
            Assert.Null(BucketAddress.FindProblem(options with { ClaimBucket = "s3://mail" }));
        }
        finally
        {
            Environment.SetEnvironmentVariable(GcsClaims.EmulatorVariable, null);
        }
    }

    [Theory]
    [InlineData("{ not json")]
    [InlineData("{}")]
    [InlineData("{\"type\":\"service_account\",\"client_email\":\"a@b\",\"private_key\":\"nonsense\"}")]
    public async Task Token_FileIsBad_IsAnOperatorsCase(string text)
    {
        UseFile(text);
        var credentials = Live();
        var outcome = Assert.IsType<PublishOutcome.Misconfigured>(await credentials.TryAddAsync([], Cancel));
        Assert.Equal("login", outcome.Kind);
    }

    [Fact]
    public async Task Token_FileIsMissing_IsAnOperatorsCaseMendedWithoutARestart()
    {
        Environment.SetEnvironmentVariable(FileVariable, Path.Combine(folder.FullName, "nowhere.json"));
        var credentials = Live();
        Assert.IsType<PublishOutcome.Misconfigured>(await credentials.TryAddAsync([], Cancel));
        using var key = RSA.Create(2048);
        UseFile(ServiceAccount(key));
        Assert.Null(await credentials.TryAddAsync([], Cancel));
    }

    [Fact]
    public async Task Token_AccountOfTheMachine_ComesFromTheMetadataServer()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        await using var server = builder.Build();
        server.Urls.Add("http://127.0.0.1:0");
        server.Run(static async context =>
        {
            context.Response.Headers["Metadata-Flavor"] = "Google";
            context.Response.ContentType = "application/json";
            if (context.Request.Path.Value?.EndsWith("/token", StringComparison.Ordinal) == true)
                await context.Response.WriteAsync(
                    """{"access_token":"from-the-machine","expires_in":3600,"token_type":"Bearer"}""");
        });
        await server.StartAsync(Cancel);
        Environment.SetEnvironmentVariable("GCE_METADATA_HOST", new Uri(server.Urls.Single()).Authority);
        Environment.SetEnvironmentVariable("CLOUDSDK_CONFIG", folder.FullName);
        try
        {
            var metadata = new Metadata();
            Assert.Null(await Live().TryAddAsync(metadata, Cancel));
            Assert.Equal("Bearer from-the-machine", metadata.GetValue("authorization"));
        }
        finally
        {
            Environment.SetEnvironmentVariable("GCE_METADATA_HOST", null);
            Environment.SetEnvironmentVariable("CLOUDSDK_CONFIG", null);
        }
    }

    static GoogleCredentials Live() => new(GoogleApi.PubSub, TimeProvider.System);

    static ClaimStore Bucket(string endpoint)
    {
        var targets = new WebTargets(new FakeResolver(), static () => new PosternOptions());
        var parts = new ClaimParts(
            TimeProvider.System, new ClaimLinks(TimeProvider.System), _ => targets.MakeLoopbackHandler());
        return ClaimStore.Open(
            new TransportOptions
            {
                ClaimBucket = $"gs://{ObjectServer.Bucket}/in",
                ClaimEndpoint = endpoint,
            },
            new InboundSource("mx.b.example", "0.1.0", "+", Path.GetTempPath()) { Claims = parts });
    }

    static string ServiceAccount(RSA key) => JsonSerializer.Serialize(new Dictionary<string, string>
    {
        ["type"] = "service_account",
        ["client_email"] = "postern@acme.iam.gserviceaccount.example",
        ["private_key_id"] = "k1",
        ["private_key"] = key.ExportPkcs8PrivateKeyPem(),
        // Nobody listens there: asking it would fail.
        ["token_uri"] = "http://127.0.0.1:1/token",
    });

    void UseFile(string text)
    {
        var path = Path.Combine(folder.FullName, "credentials.json");
        using (var file = File.CreateText(path))
            file.Write(text);
        Environment.SetEnvironmentVariable(FileVariable, path);
    }
}
