using System.Diagnostics;
using Postern.Mta;

namespace Postern.Dashboard;

sealed partial class KoreanWords
{
    public override string DoorName(MailDoors door) => door switch
    {
        MailDoors.Mx => "외부 수신 (mx)",
        MailDoors.Submission => "제출 (submission)",
        MailDoors.Api => "API",
        MailDoors.Forward => "전달 (forward)",
        _ => throw new UnreachableException(),
    };
    public override string RoutesExplained => "수신자마다 처음으로 맞는 라우트가 적용됩니다. 설정 파일의 라우트가 먼저입니다.";
    public override string Accepts => "받는 메일";
    public override string Conditions => "조건";
    public override string AnyMail => "모든 메일";
    public override string ConditionFrom(string patterns) => $"보낸 사람: {patterns}";
    public override string ConditionTo(string patterns) => $"받는 사람: {patterns}";
    public override string ConditionAccount(string names) => $"계정: {names}";
    public override string ConditionListener(string names) => $"리스너: {names}";
    public override string OrWord => " 또는 ";
    public override string Via => "전송 경로";
    public override string FirstOpenOf => "다음 중 열려 있는 첫 번째:";
    public override string CopyToEach => "다음 모두에 사본 전송:";
    public override string RetryWord => "재시도";
    public override string RetryUsual => "5분 후부터 점차 길어져 최대 67분 간격";
    public override string RetryAfter(string waits) => $"{waits} 후, 마지막 간격 반복";
    public override string GiveUpAfter(string age) => $"{age} 경과 시 포기";
    public override string WarnsAfter(string age) => $"{age} 경과 시 보낸 사람에게 알림";
    public override string PriorityIs(int priority) => $"우선순위 {priority}";
    public override string Bounces => "실패를 보낸 사람에게 알림";
    public override string BouncesNot => "실패를 알리지 않음";
    public override string FromFile => "설정 파일";
    public override string FromApi => "API";
    public override string NoRoutes => "라우트가 없어 메일을 받지 않습니다.";
    public override string ServedDomains => "외부 메일을 받는 도메인";
    public override string ServedNone => "없습니다. 외부 메일을 받는 라우트가 없습니다.";
    public override string ExplainRoute => "어떤 라우트가 적용되나요?";
    public override string ExplainDo => "확인";
    public override string DoorWord => "들어온 곳";
    public override string SenderHint => "user@domain, 반송 보고서는 <>";
    public override string NotAnAddress => "주소가 아닙니다. user@domain 형식으로 입력하세요.";
    public override string DecisionVia(string transport) => $"{transport}(으)로 보냅니다.";
    public override string DecisionAll(string transports) => $"다음 모두에 사본을 보냅니다: {transports}";
    public override string DecisionNoTransport(string transport) => $"라우트가 가리키는 {transport} 전송 경로가 설정에 없습니다.";
    public override string DecisionNoRoute => "적용되는 라우트가 없습니다.";
    public override string DecisionApi(string route) =>
        $"API 라우트 {route}에 해당할 수 있습니다. 일부 조건은 메시지 내용으로 판단합니다.";
    public override string LaneWord => "레인";
    public override string ThisOne => "적용된 라우트";
    public override string ActionsWord => "동작";
}
