using System.Security.Cryptography;
using System.Text.Json;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Postern.Mta.Transports.PubSub;

namespace Postern.Tests.Transports.PubSub;

/// <summary>Google's library reads the environment of the process: these tests set it, one after
/// another.</summary>
[Collection("environment of Google's credentials")]
public sealed class PubSubCredentialsTests : IDisposable
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
        Assert.Null(await new PubSubCredentials(TimeProvider.System).TryAddAsync(metadata, Cancel));
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

    [Theory]
    [InlineData("{ not json")]
    [InlineData("{}")]
    [InlineData("{\"type\":\"service_account\",\"client_email\":\"a@b\",\"private_key\":\"nonsense\"}")]
    public async Task Token_FileIsBad_IsAnOperatorsCase(string text)
    {
        UseFile(text);
        var credentials = new PubSubCredentials(TimeProvider.System);
        var outcome = Assert.IsType<PublishOutcome.Misconfigured>(await credentials.TryAddAsync([], Cancel));
        Assert.Equal("login", outcome.Kind);
    }

    [Fact]
    public async Task Token_FileIsMissing_IsAnOperatorsCaseMendedWithoutARestart()
    {
        Environment.SetEnvironmentVariable(FileVariable, Path.Combine(folder.FullName, "nowhere.json"));
        var credentials = new PubSubCredentials(TimeProvider.System);
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
            Assert.Null(await new PubSubCredentials(TimeProvider.System).TryAddAsync(metadata, Cancel));
            Assert.Equal("Bearer from-the-machine", metadata.GetValue("authorization"));
        }
        finally
        {
            Environment.SetEnvironmentVariable("GCE_METADATA_HOST", null);
            Environment.SetEnvironmentVariable("CLOUDSDK_CONFIG", null);
        }
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
